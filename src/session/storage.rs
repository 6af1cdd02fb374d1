//! Where the program keeps what is not the user's own files: drafts, crash reports, the list of recent files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::scenario::file::FileError;
use crate::scenario::file::store::{self, Disk, Expected, Writer};

/// Names the folder, instead of the one that the system has for it.
pub const VARIABLE: &str = "WAFERSCOPE_STATE";

/// A folder of ours and what writes into it, and into the user's files.
#[derive(Clone, Debug)]
pub struct Storage {
    pub folder: PathBuf,
    pub writer: Arc<dyn Writer>,
}

impl Storage {
    /// The folder that this user's system keeps for the state of programs; `None` if it names none.
    pub fn of_this_user() -> Option<Self> {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = folder(VARIABLE);
        let shared = || {
            let home = || folder("HOME").map(|home| home.join(".local").join("state"));
            folder("XDG_STATE_HOME").or_else(|| folder("LOCALAPPDATA")).or_else(home)
        };
        own.or_else(|| shared().map(|state| state.join("waferscope"))).map(Self::at)
    }

    /// A folder that need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), writer: Arc::new(Disk) }
    }

    /// Where drafts are.
    pub fn drafts(&self) -> PathBuf {
        self.folder.join("drafts")
    }

    /// Where crash reports are.
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// Writes a file of ours, with the folders above it.
    ///
    /// # Errors
    /// One sentence with the file and the reason; what was there before stays.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        store::write_expecting(self.writer.as_ref(), path, bytes, Expected::Anything).map(|_written| ())
    }
}

/// Makes a folder and those above it, for this user alone.
///
/// # Errors
/// One sentence with the folder and the reason.
pub(super) fn make_folder(folder: &Path) -> Result<(), FileError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| FileError::whole(&folder.display().to_string(), error.to_string()))
}
