//! Files on the disk: reading under a limit, writing so that a crash leaves the old file or the new one, never half.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileError, MAX_BYTES};

/// Opens a file for reading.
///
/// # Errors
/// If it cannot be opened or is no regular file.
pub fn open(path: &Path) -> Result<fs::File, FileError> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| FileError::whole(&name, sentence(&error));
    // Asked before opening, since opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::whole(&name, "expected a file, found a folder"));
    }
    if !metadata.is_file() {
        return Err(FileError::whole(&name, "expected a file, found a device or a pipe"));
    }
    fs::File::open(path).map_err(failed)
}

/// The first bytes of a file, at most `count`; it is read from the beginning again afterwards.
///
/// # Errors
/// If it cannot be read.
pub fn start(file: &mut fs::File, path: &Path, count: u64) -> Result<Vec<u8>, FileError> {
    let failed = |error: std::io::Error| FileError::whole(&path.display().to_string(), sentence(&error));
    let mut bytes = Vec::new();
    (&mut *file).take(count).read_to_end(&mut bytes).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(bytes)
}

/// Reads a whole file.
///
/// # Errors
/// If it cannot be opened or read, is no regular file, or holds more than [`MAX_BYTES`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| FileError::whole(&name, sentence(&error));
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_BYTES {
        return Err(FileError::whole(&name, format!("expected at most {} MiB, found more", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// Writes of this process so far, so that no two of them share a temporary file.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes a whole file: into a temporary one of its own beside it, flushed to the disk, then renamed over it. Of several
/// writes to one path at once the last to end stays, whole.
///
/// # Errors
/// If one of these steps fails; a file that was there is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let name = path.display().to_string();
    let mut temporary = path.as_os_str().to_owned();
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}.{number}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    };
    write().map_err(|error| {
        // Nothing is lost if the left-over cannot be removed.
        let _removed = fs::remove_file(temporary).is_ok();
        FileError::whole(&name, sentence(&error))
    })
}

fn sentence(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not open it".to_owned(),
        _ => error.to_string(),
    }
}
