//! Things that are no files, files under odd names, and files that change while they are read: one sentence each, soon,
//! from every verb that takes a path and from the window's own way of opening.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use waferscope::session::document::load;
use waferscope::workload::import::{self, onnx::Unknown};

/// Longest that a verb may take to say no, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything odd, with words that its sentence must hold.
fn odd(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &OsStr| folder.join(name);
    let path = |name: &str| folder.join(name);
    fs::create_dir(path("a folder.ron")).unwrap();
    let pipe = path("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("loop.json", path("loop.json")).unwrap();
    std::os::unix::fs::symlink("nothing", path("dangling.json")).unwrap();
    fs::write(path("empty.ron"), "").unwrap();
    fs::write(path("blank.yaml"), " \n\t\n").unwrap();
    fs::write(path("picture.ron"), [0x89, b'P', b'N', b'G', 0, 1, 2, 255]).unwrap();
    let newline = at(OsStr::new("two\nlines\u{1b}[31m.ron"));
    fs::write(&newline, "(").unwrap();
    let no_text = at(&OsString::from_vec(b"no text \xff\xfe.json".to_vec()));
    fs::write(&no_text, "{").unwrap();
    let mut found = vec![
        (path("a folder.ron"), "found a folder"),
        (pipe, "found a device or a pipe"),
        ("/dev/zero".into(), "found a device or a pipe"),
        ("/dev/null".into(), "found a device or a pipe"),
        (path("loop.json"), "loop.json"),
        (path("dangling.json"), "there is no such file"),
        (path("empty.ron"), "expected"),
        (path("blank.yaml"), "expected"),
        (path("picture.ron"), "picture.ron"),
        (newline, "lines"),
        (no_text, "no text"),
        (path(&"long".repeat(60)), "there is no such file"),
        (path(&"longer".repeat(60)), "longerlonger"),
        (path("empty.ron/below"), "below"),
    ];
    let secret = path("secret.ron");
    fs::write(&secret, "(").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    // Who may read everything is refused nothing.
    if fs::File::open(&secret).is_err() {
        found.push((secret, "may not open"));
    }
    found
}

/// One line that a person can read, and not the file again.
fn assert_sentence(said: &str, words: &str, what: &str) {
    let said = said.trim_end();
    assert!(said.contains(words), "{what}: {words:?} is not in {said:?}");
    assert!((10..900).contains(&said.len()), "{what}: {said:?}");
    assert!(!said.contains(char::is_control), "{what}: more than a line: {said:?}");
    assert!(!said.contains("panicked"), "{what}: {said:?}");
}

/// Runs the program with `arguments`, which must end by itself with exit code 1 and one sentence.
fn sentence(folder: &Path, arguments: &[&OsStr]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waferscope"));
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    let quiet = command.current_dir(folder).args(arguments).stdin(Stdio::null());
    let mut child = quiet.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    said
}

#[test]
fn every_verb_says_one_sentence() {
    let folder = TempDir::new().unwrap();
    let graph = folder.path().join("graph.kgraph");
    let text =
        "input[0] n=[4 4 8]\nconv[1] H=4 W=4 R=1 S=1 C=8 K=8 T=1 U=1\ninput[0]:_ -> conv[1]:x, shape:[4][4][8]\n";
    fs::write(&graph, text).unwrap();
    let tiny = OsStr::new("tiny");
    for (path, words) in odd(folder.path()) {
        let path = path.as_os_str();
        let word = OsStr::new;
        let calls: [&[&OsStr]; 11] = [
            &[path],
            &[word("run"), path],
            &[word("render"), path, word("-o"), word("out.png")],
            &[word("replay"), path, word("--verify")],
            &[word("import"), path],
            &[word("compile"), path, word("--mode"), word("resident")],
            &[word("compile"), tiny, word("--mode"), word("resident"), word("--device"), path],
            &[word("place"), path, word("-o"), word("out.paint")],
            &[word("place"), graph.as_os_str(), word("--check"), path],
            &[word("estimate"), word("--model"), path, word("--device"), word("wse3"), word("--task"), word("decode")],
            &[word("estimate"), word("--model"), tiny, word("--device"), path, word("--task"), word("decode")],
        ];
        for arguments in calls {
            let said = sentence(folder.path(), arguments);
            // An empty placement places nothing, and a device that is not there may be none by another name: both say so
            // in words of their own.
            let own = arguments.contains(&word("--check")) || arguments[0] == "estimate" && words.contains("no such");
            let words = if own && !words.contains("found a") { "" } else { words };
            assert_sentence(&said, words, &format!("{arguments:?}"));
        }
    }
}

#[test]
fn the_window_says_one_sentence() {
    let folder = TempDir::new().unwrap();
    for (path, words) in odd(folder.path()) {
        let begun = Instant::now();
        let said = load(&path).unwrap_err().to_string();
        assert_sentence(&said, words, &format!("{}", path.display()));
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = TempDir::new().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    for entry in [
        "model-zoo/decoder.yaml",
        "hugging-face/llama.json",
        "kernel-graph/blocks.kgraph",
        "scenario/resident.ron",
        "device/small.ron",
    ] {
        let bytes = fs::read(corpus.join(entry)).unwrap();
        for name in ["a.ron", "a.json", "a.yaml", "a.onnx", "a.png", "a", ".ron", "a.ron.json"] {
            let path = folder.path().join(name);
            fs::write(&path, &bytes).unwrap();
            if let Err(error) = load(&path) {
                panic!("{entry} under the name {name}: {error}");
            }
        }
    }
}

/// A file that loses its end once so much of it has been read.
struct Shrinking {
    bytes: Cursor<Vec<u8>>,
    read: usize,
    /// Bytes that are read before it shrinks, and what is left of it then.
    after: usize,
    to: usize,
}

impl Shrinking {
    fn shrink(&mut self) {
        if self.read >= self.after {
            self.bytes.get_mut().truncate(self.to);
        }
    }
}

impl Read for Shrinking {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.shrink();
        let most = buffer.len().min(16);
        let count = self.bytes.read(&mut buffer[..most])?;
        self.read += count;
        Ok(count)
    }
}

impl Seek for Shrinking {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.shrink();
        self.bytes.seek(to)
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_read_or_refused() {
    // A field with a graph in it, whose weights are stepped over.
    let weights = [&[0x08, 0x10, 0x10, 0x01, 0x42, 0x01, b'w', 0x4a, 0x40][..], &[0; 64]].concat();
    let graph = [&[0x2a, weights.len() as u8][..], &weights].concat();
    let onnx = [&[0x08, 0x08, 0x3a, graph.len() as u8][..], &graph].concat();
    let yaml =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/model-zoo/grouped.yaml")).unwrap();
    for whole in [onnx, yaml] {
        for after in (0..whole.len()).step_by(7) {
            for to in [0, 1, whole.len() / 2, whole.len() - 1] {
                let mut file = Shrinking { bytes: Cursor::new(whole.clone()), read: 0, after, to };
                if let Err(error) = import::read_from(&mut file, Unknown::default()) {
                    assert_sentence(&error.to_string(), "", &format!("shrinks to {to} after {after}"));
                }
            }
        }
    }
}

#[test]
fn a_file_that_is_written_and_cut_all_the_time_is_read_or_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changing");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let entries = ["scenario/resident.ron", "hugging-face/llama.json", "device/small.ron"];
    let bytes: Vec<Vec<u8>> = entries.iter().map(|entry| fs::read(corpus.join(entry)).unwrap()).collect();
    fs::write(&path, &bytes[0]).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0_usize.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let whole = &bytes[round % bytes.len()];
                fs::write(&path, whole).unwrap();
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_len((whole.len() * (round % 5) / 4) as u64).unwrap();
            }
        });
        for _ in 0..300 {
            if let Err(error) = load(&path) {
                assert_sentence(&error.to_string(), "changing", "a file that changes");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn words_of_a_file_are_cut_to_what_can_be_drawn() {
    let long = "x".repeat(100_000);
    let model =
        |keys: &str| format!("{{\"model_type\": \"gpt2\", \"n_embd\": 64, \"n_head\": 4, \"n_layer\": 1{keys}}}");
    let unknown: String = (0..50_000).map(|index| [", \"key", &index.to_string(), "\": 1"].concat()).collect();
    let graph = import::read(model(&unknown).as_bytes()).unwrap().graph;
    assert_eq!(graph.warnings.len(), 41, "{:?}", &graph.warnings[..3]);
    assert!(graph.warnings[40].contains("left out"), "{}", graph.warnings[40]);
    let named = model(&format!(", \"_name_or_path\": \"{long}\", \"{long}\": 1"));
    let graph = import::read(named.as_bytes()).unwrap().graph;
    let longest = graph.warnings.iter().chain([&graph.name]).map(|words| words.chars().count()).max().unwrap();
    assert!(longest <= 240, "{longest} characters");
    // A key of a kernel graph is quoted in part.
    let said = import::read(format!("conv[1] H=4 W=4 {}=0", "k".repeat(100_000)).as_bytes()).unwrap_err().to_string();
    assert!(said.len() < 300 && said.contains(&"k".to_uppercase().repeat(9)), "{said}");
}

#[test]
fn a_scenario_with_too_much_in_it_is_refused_in_words() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/scenario/resident.ron");
    let text = fs::read_to_string(corpus).unwrap();
    let long = "x".repeat(5_000);
    let commands = "(0, Hold),".repeat(30_000);
    let pins = "(block: None, op: \"a\", x: 0, y: 0, width: 1, height: 1),".repeat(500_000);
    for (from, to, words) in [
        ("Two blocks", long.as_str(), "title: expected at most 1000 characters"),
        ("(block: Some(0), op: \"mlp.up\"", &format!("(block: Some(0), op: \"{long}\""), "pinned.op"),
        ("BuiltIn(\"tiny\")", &format!("BuiltIn(\"{long}\")"), "model: expected at most 1000 characters"),
        ("[(0, RunTo(500)),", &format!("[{commands}"), "recording.commands: expected at most 20000 entries"),
        ("pinned: [", &format!("pinned: [{pins}"), "pinned: expected at most 400000 entries"),
        ("op: \"mlp.up\"", "op: \"no such operator\"", "expected an operator of the model, found \"no such operator\""),
    ] {
        assert!(text.contains(from), "{from}");
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("much.ron");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let said = load(&path).unwrap_err().to_string();
        assert_sentence(&said, words, words);
    }
}
