//! Files on the disk: reading under a limit, writing so that a crash leaves the old file or the new one, never half.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

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

/// The steps of writing a file that a disk can refuse. [`Disk`] takes them; a test makes one of them fail.
pub trait Writer: std::fmt::Debug + Send + Sync {
    /// Fills a new file and flushes it to the disk.
    ///
    /// # Errors
    /// If there is no such folder, no permission or no room.
    fn fill(&self, temporary: &Path, bytes: &[u8]) -> std::io::Result<()>;

    /// Renames a file over another, or to where none was.
    ///
    /// # Errors
    /// If the system refuses.
    fn rename(&self, temporary: &Path, path: &Path) -> std::io::Result<()>;
}

/// The disk itself.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Writer for Disk {
    fn fill(&self, temporary: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = fs::File::create(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, temporary: &Path, path: &Path) -> std::io::Result<()> {
        fs::rename(temporary, path)
    }
}

/// What a writer takes for granted about the file that it is about to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It may be replaced, whatever it is.
    Anything,
    /// There is none.
    Nothing,
    /// Its content has this [`content_hash`], or it is gone.
    Content(u64),
}

/// Whether a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Whole,
    /// It was not: what is there is not what was expected.
    Differs,
}

/// Tells the contents of files apart.
pub fn content_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Writes of this process so far, so that no two of them share a temporary file.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes a whole file: into a temporary one of its own beside it, flushed to the disk, then renamed over it. Of several
/// writes to one path at once the last to end stays, whole.
///
/// # Errors
/// If one of these steps fails; a file that was there is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_expecting(&Disk, path, bytes, Expected::Anything).map(|_written| ())
}

/// The same by any writer, and only if what is replaced is what was expected. That is looked at last, just before the
/// new file takes its place.
///
/// # Errors
/// As [`write()`]; also if the old file is marked read-only, or cannot be read to compare it.
pub fn write_expecting(
    writer: &dyn Writer,
    path: &Path,
    bytes: &[u8],
    expected: Expected,
) -> Result<Written, FileError> {
    let name = path.display().to_string();
    // A link stays, and the file that it leads to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_none| path.to_owned());
    let permissions = fs::metadata(&target).ok().map(|metadata| metadata.permissions());
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(FileError::whole(&name, "expected a file that may be written, found one that is marked read-only"));
    }
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let mut temporary = target.as_os_str().to_owned();
    temporary.push(format!(".{}.{number}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let written = fill_and_rename(writer, temporary, &target, bytes, permissions, expected);
    if !matches!(written, Ok(Written::Whole)) {
        // Nothing is lost if the left-over cannot be removed.
        let _removed = fs::remove_file(temporary).is_ok();
    }
    written.map_err(|error| FileError::whole(&name, write_sentence(&error)))
}

fn fill_and_rename(
    writer: &dyn Writer,
    temporary: &Path,
    target: &Path,
    bytes: &[u8],
    permissions: Option<fs::Permissions>,
    expected: Expected,
) -> std::io::Result<Written> {
    writer.fill(temporary, bytes)?;
    if let Some(permissions) = permissions {
        // Some file systems know none; the content matters more.
        let _kept = fs::set_permissions(temporary, permissions).is_ok();
    }
    if !is_as_expected(target, expected)? {
        return Ok(Written::Differs);
    }
    writer.rename(temporary, target)?;
    Ok(Written::Whole)
}

fn is_as_expected(target: &Path, expected: Expected) -> std::io::Result<bool> {
    if expected == Expected::Anything {
        return Ok(true);
    }
    match fs::metadata(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(metadata) => match expected {
            Expected::Content(hash) if metadata.is_file() && metadata.len() <= MAX_BYTES as u64 => {
                Ok(content_hash(&fs::read(target)?) == hash)
            }
            _ => Ok(false),
        },
    }
}

/// Why something was not written, in words.
fn write_sentence(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such folder any more".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not write there".to_owned(),
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        std::io::ErrorKind::QuotaExceeded => "this user's share of the disk is used up".to_owned(),
        std::io::ErrorKind::ReadOnlyFilesystem => "this disk can only be read".to_owned(),
        std::io::ErrorKind::IsADirectory => "expected a file, found a folder".to_owned(),
        _ => sentence(error),
    }
}

fn sentence(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not open it".to_owned(),
        _ => error.to_string(),
    }
}
