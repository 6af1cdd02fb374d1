//! Files that were opened lately, newest first.

use std::path::{Path, PathBuf};

use crate::scenario::file::FileError;
use crate::scenario::file::store;
use crate::session::storage::Storage;

/// Files that are remembered.
pub const RECENT_MAX: usize = 20;

/// The list of last time; empty if there is none.
pub fn load(storage: &Storage) -> Vec<PathBuf> {
    let Ok(bytes) = store::read(&file(storage)) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter(|line| !line.is_empty()).take(RECENT_MAX).map(PathBuf::from).collect()
}

/// Puts a path in front.
pub fn add(recent: &mut Vec<PathBuf>, path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
    recent.retain(|held| *held != path);
    recent.insert(0, path);
    recent.truncate(RECENT_MAX);
}

/// Keeps the list for next time, but for paths that are no single line of text.
///
/// # Errors
/// If it cannot be written.
pub fn save(recent: &[PathBuf], storage: &Storage) -> Result<(), FileError> {
    let lines: Vec<&str> = recent.iter().filter_map(|path| path.to_str()).filter(|line| !line.contains('\n')).collect();
    storage.write(&file(storage), lines.join("\n").as_bytes())
}

fn file(storage: &Storage) -> PathBuf {
    storage.folder.join("recent")
}
