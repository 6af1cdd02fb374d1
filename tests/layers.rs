//! The layers of `ARCHITECTURE.md`, checked: imports run downwards only, and toolkits, clocks, files and `serde` stay
//! where they belong.
//!
//! The check reads source text: it finds `crate::..` paths and names of crates outside comments, strings and test
//! modules. What a macro hides it does not see.

#![expect(clippy::unwrap_used, reason = "a check that cannot read the tree fails on the spot")]

use std::fs;
use std::path::{Path, PathBuf};

/// A top module and what it may import besides itself.
struct Layer {
    name: String,
    allowed: Vec<String>,
}

/// The table under "Layers" in `ARCHITECTURE.md`, in its order.
fn layers() -> Vec<Layer> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    layers_of(&text)
}

fn layers_of(text: &str) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let section = text.split("\n## ").find(|section| section.starts_with("Layers\n"));
    for row in section.unwrap_or_default().lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [names, _, uses] = cells[..] else { panic!("expected three cells: {row}") };
        let (uses, below) = uses.strip_suffix(" and below").map_or((uses, false), |uses| (uses, true));
        let mut allowed: Vec<String> = Vec::new();
        for used in uses.split(", ").filter(|used| *used != "nothing") {
            let layer = layers.iter().find(|layer| layer.name == used);
            let layer = layer.unwrap_or_else(|| panic!("{used} is not listed above this row: {row}"));
            allowed.push(layer.name.clone());
            if below {
                allowed.extend(layer.allowed.iter().cloned());
            }
        }
        let added = names.split(", ").map(|name| name.trim_matches('`').to_owned());
        layers.extend(added.map(|name| Layer { name, allowed: allowed.clone() }).collect::<Vec<_>>());
    }
    layers
}

/// Files that belong to no layer: they name all of them and do nothing else.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

/// One source file: its path below `src` with `/` between parts, and its code without comments, strings and tests.
struct Source {
    path: String,
    code: String,
}

impl Source {
    /// The top module that the file belongs to: `hardware` for `hardware/spec.rs`, `rng` for `rng.rs`.
    fn layer(&self) -> &str {
        let top = self.path.split('/').next().unwrap_or_default();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// Whether the file is `place` or inside it.
    fn is_in(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    }
}

fn sources() -> Vec<Source> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    visit(&root, &mut paths);
    paths.sort();
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().components();
        let parts: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
        Source { path: parts.join("/"), code: code_of(&fs::read_to_string(path).unwrap()) }
    };
    paths.into_iter().map(source).collect()
}

/// The code of a file without line comments, strings and its test module, which ends the file by our convention.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{')) {
            break;
        }
        // Every other piece between quotes is a string; a line that a string runs over keeps what is left.
        let unquoted: Vec<&str> = line.split('"').step_by(2).collect();
        let unquoted = unquoted.join(" ");
        code.push_str(unquoted.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// Whether `word` stands in `code` as a whole identifier or path.
fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part))
}

/// The top modules that `crate::` paths of `code` name, `use crate::{a, b::c}` included.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect::<String>();
    let mut found = Vec::new();
    for prefix in ["crate::", "waferscope::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            let Some(group) = rest.strip_prefix('{') else {
                found.push(word(rest));
                continue;
            };
            // The first name of each branch on the outermost level of the braces.
            let (mut depth, mut fresh) = (0, true);
            for (index, c) in group.char_indices() {
                match c {
                    '}' if depth == 0 => break,
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    c if fresh && !c.is_whitespace() => {
                        found.push(word(&group[index..]));
                        fresh = false;
                    }
                    _ => {}
                }
            }
        }
    }
    found
}

/// Fails with the list of files outside `allowed` whose code names one of `words`.
fn only_in(allowed: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for source in sources() {
        if allowed.iter().any(|place| source.is_in(place)) {
            continue;
        }
        wrong.extend(
            words.iter().filter(|word| names(&source.code, word)).map(|word| format!("{} uses {word}", source.path)),
        );
    }
    assert!(wrong.is_empty(), "allowed only in {allowed:?}: {wrong:#?}");
}

#[test]
fn imports_run_downwards() {
    let mut wrong = Vec::new();
    let layers = layers();
    for source in sources() {
        if ROOTS.contains(&source.path.as_str()) {
            continue;
        }
        let layer = source.layer();
        let Some(Layer { allowed, .. }) = layers.iter().find(|known| known.name == layer) else {
            wrong.push(format!("{} belongs to no layer of the table", source.path));
            continue;
        };
        for import in imports(&source.code) {
            let known = layers.iter().any(|known| known.name == import);
            if known && import != layer && !allowed.contains(&import) {
                wrong.push(format!("{} ({layer}) uses {import}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_layer_of_the_table_is_there() {
    let sources = sources();
    for layer in layers() {
        assert!(sources.iter().any(|source| source.layer() == layer.name), "no source belongs to {}", layer.name);
    }
}

#[test]
fn the_reader_of_the_table_understands_below() {
    let text = "\n## Layers\n\n| `a`, `b` | two | nothing |\n| `c` | one | b |\n| `d` | one | c and below |\n\n## Next\n| `e` |";
    let read: Vec<_> = layers_of(text).into_iter().map(|layer| (layer.name, layer.allowed.join(" "))).collect();
    let expected = [("a", ""), ("b", ""), ("c", "b"), ("d", "c b")];
    assert_eq!(read, expected.map(|(name, allowed)| (name.to_owned(), allowed.to_owned())));
}

#[test]
fn the_toolkit_stays_in_ui() {
    only_in(&["ui"], &["egui", "eframe", "egui_plot", "rfd"]);
}

#[test]
fn clocks_stay_where_time_is_real() {
    let allowed = ["sim/thread", "lab/bench", "session", "ui", "cli"];
    only_in(&allowed, &["std::time", "Instant", "SystemTime"]);
}

#[test]
fn files_are_opened_only_at_the_edges() {
    only_in(
        &["scenario/file", "session", "cli"],
        &["std::fs", "fs::File", "File::open", "OpenOptions", "read_to_string"],
    );
}

#[test]
fn threads_start_in_few_places() {
    // The floorplanner's end before it returns, and its result does not depend on them.
    let allowed = ["sim/thread", "session/jobs", "ui/files", "compiler/floorplan/search"];
    only_in(&allowed, &["thread::Builder", "thread::scope", "thread::spawn"]);
}

#[test]
fn the_model_of_the_machine_is_not_serialised() {
    // On-disk types live in `scenario/file`. A reader of JSON may use serde's visitors on bytes that it is given.
    let mut wrong = Vec::new();
    for source in sources() {
        if !["hardware", "workload", "compiler", "sim"].contains(&source.layer()) {
            continue;
        }
        let derives = source.code.split("derive(").skip(1).filter_map(|rest| rest.split(')').next());
        let derived = derives.into_iter().any(|list| names(list, "Serialize") || names(list, "Deserialize"));
        if derived || names(&source.code, "Serialize") {
            wrong.push(source.path);
        }
    }
    assert!(wrong.is_empty(), "these make their types a file format: {wrong:#?}");
}

#[test]
fn the_reader_of_imports_understands_groups() {
    let code = code_of(
        "use crate::{\n  hardware::{Core, Rect}, sim,\n};\nlet x = crate::rng::Rng; // crate::ui\n\"crate::ui\"\n",
    );
    assert_eq!(imports(&code), ["hardware", "sim", "rng"]);
    assert!(names("use std::fs;", "std::fs") && !names("std::fsx", "std::fs") && !names("my_egui", "egui"));
    let source = |path: &str| Source { path: path.to_owned(), code: String::new() };
    assert!(source("sim/thread.rs").is_in("sim/thread") && !source("sim/threads.rs").is_in("sim/thread"));
    assert_eq!((source("rng.rs").layer(), source("hardware/spec.rs").layer()), ("rng", "hardware"));
}
