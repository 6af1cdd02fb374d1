//! Keeps the tree tidy: what a reviewer would otherwise say again and again.

#![expect(clippy::unwrap_used, reason = "a check that cannot read the tree fails on the spot")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines.
const MAX_LINES: usize = 600;

/// Largest file outside `assets/` and `screenshots/`, in bytes.
const MAX_BYTES: u64 = 500_000;

/// Folders that are not part of the project.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Whether `path` is text of ours, by its name.
fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let binary = ["png", "otf", "ttf", "ico", "gz", "onnx", "zst"];
    extension.is_none_or(|extension| !binary.contains(&extension))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the project, relative to its root: those that git does not ignore, or without git, those that exist.
fn files() -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if SKIPPED.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                visit(&path, found);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    let git = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let listed = git.ok().filter(|output| output.status.success() && !output.stdout.is_empty());
    let mut files: Vec<PathBuf> = Vec::new();
    match listed {
        Some(output) => {
            let names = String::from_utf8(output.stdout).unwrap();
            // A file may be deleted and not yet staged.
            files.extend(names.split('\0').filter(|name| root().join(name).is_file()).map(PathBuf::from));
        }
        None => visit(&root(), &mut files),
    }
    files.sort();
    assert!(files.iter().any(|path| path == Path::new("Cargo.toml")), "this is not the project");
    files
}

/// Every Rust file with its text.
fn rust_files() -> Vec<(PathBuf, String)> {
    let rust = files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap())).collect()
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn rust_files_have_a_header_and_a_bearable_length() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let path = path.display();
        if !text.starts_with("//! ") {
            wrong.push(format!("{path}: no `//!` header that says what it is for"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{path}: {lines} lines, at most {MAX_LINES}"));
        }
    }
    none(&wrong);
}

#[test]
fn lines_are_clean() {
    let mut wrong = Vec::new();
    for path in files().into_iter().filter(|path| is_text(path)) {
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            wrong.push(format!("{}: not UTF-8", path.display()));
            continue;
        };
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        for (index, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), index + 1);
            if line.ends_with([' ', '\t', '\r']) {
                wrong.push(format!("{place}: space at the end of the line"));
            }
            if rust && line.contains('\t') {
                wrong.push(format!("{place}: a tab"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            wrong.push(format!("{}: no line end at the end of the file", path.display()));
        }
    }
    none(&wrong);
}

#[test]
fn open_ends_carry_an_issue_number() {
    // Put together here so that this file does not accuse itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let numbered = |after: &str| {
        let rest = after.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
        rest.is_some_and(|(number, _)| number.parse::<u32>().is_ok())
    };
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        for (index, line) in text.lines().enumerate() {
            for word in words {
                if line.match_indices(word).any(|(at, _)| !numbered(&line[at + word.len()..])) {
                    wrong.push(format!("{}:{}: {word} without (#issue)", path.display(), index + 1));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_repository_speaks_of_itself_only() {
    // Paths and hosts of the machines that it is built on; the CI script alone knows where its inputs lie.
    let words = [concat!("/wo", "rk/"), concat!("arti", "factory"), concat!("../sha", "red")];
    let mut wrong = Vec::new();
    for path in files().into_iter().filter(|path| is_text(path) && path != Path::new(".ci/run")) {
        let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                wrong.push(format!("{}:{}: mentions {word}", path.display(), index + 1));
            }
        }
    }
    none(&wrong);
}

#[test]
fn files_are_small() {
    let mut wrong = Vec::new();
    for path in files() {
        let size = fs::metadata(root().join(&path)).unwrap().len();
        let large_place = path.starts_with("assets") || path.starts_with("screenshots");
        if size > MAX_BYTES && !large_place {
            wrong.push(format!("{}: {size} bytes, at most {MAX_BYTES}", path.display()));
        }
    }
    none(&wrong);
}

#[test]
fn changes_are_written_down() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.lines().any(|line| line == "## [Unreleased]"), "CHANGELOG.md has no [Unreleased] section");
}

#[test]
fn fonts_have_their_licences_beside_them() {
    for family in ["Inter", "JetBrainsMono"] {
        let licence = fs::read_to_string(root().join(format!("assets/fonts/OFL-{family}.txt"))).unwrap();
        assert!(licence.starts_with("Copyright ") && licence.contains("SIL OPEN FONT LICENSE Version 1.1"));
    }
    for path in files().iter().filter(|path| path.starts_with("assets/fonts") && !is_text(path)) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(name.starts_with("Inter-") || name.starts_with("JetBrainsMono-"), "{name} has no licence");
    }
}
