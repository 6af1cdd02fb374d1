//! The program has no business on a network: none of its code and none of its dependencies is there to reach one.
//!
//! This is the cheap half. `.ci/no-network` traces the running program, window and verbs, and fails if it connects or
//! sends to any address of a network.

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that speak to a network, or to what does. `tokio` and `async-io` wait for sockets of any kind: the desktop's
/// bus and the display are such.
const NETWORKED: [&str; 24] = [
    "async-net",
    "attohttpc",
    "curl",
    "h2",
    "hickory-resolver",
    "http",
    "hyper",
    "isahc",
    "minreq",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "rustls",
    "self_update",
    "sentry",
    "socket2",
    "surf",
    "tonic",
    "tungstenite",
    "ureq",
    "url",
    "webbrowser",
    "webpki",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_dependency_is_there_for_a_network() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let names: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains(&"eframe"), "this is not the lock file");
    let found: Vec<&&str> = names.iter().filter(|name| NETWORKED.contains(name)).collect();
    assert!(found.is_empty(), "crates that reach a network: {found:?}");
}

#[test]
fn no_source_names_a_network() {
    fn visit(folder: &Path, wrong: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, wrong);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for word in ["std::net", "TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "open_url", "OpenUrl"] {
                if text.contains(word) {
                    wrong.push(format!("{} names {word}", path.display()));
                }
            }
        }
    }
    let mut wrong = Vec::new();
    visit(&root().join("src"), &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
