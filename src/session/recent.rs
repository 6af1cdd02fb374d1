//! Files that were opened lately, newest first, in the folder where this system keeps an application's state.

use std::path::{Path, PathBuf};

use crate::scenario::file::FileError;
use crate::scenario::file::store;

/// Files that are remembered.
const RECENT_MAX: usize = 20;

/// The list of last time; empty if there is none.
pub fn load() -> Vec<PathBuf> {
    let Some(bytes) = file().and_then(|file| store::read(&file).ok()) else { return Vec::new() };
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

/// Keeps the list for next time.
///
/// # Errors
/// If there is no such folder on this system, or it cannot be written.
pub fn save(recent: &[PathBuf]) -> Result<(), FileError> {
    let file = file().ok_or_else(|| FileError::whole("recent", "this system names no folder for it"))?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| FileError::whole(&folder.display().to_string(), error.to_string()))?;
    }
    let lines: Vec<String> = recent.iter().map(|path| path.display().to_string()).collect();
    store::write(&file, lines.join("\n").as_bytes())
}

fn file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME")
        .or_else(|| folder("LOCALAPPDATA"))
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("waferscope").join("recent"))
}
