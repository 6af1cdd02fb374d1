//! Draft files: what a window held that was not saved, so that it can be offered again after a crash.
//!
//! A draft holds the scenario as text of a scenario file, the kernels of a layout that has not run yet, and which saved
//! file it belongs to. Its history of undo is not in it. When drafts are written and offered is the session's business.

use std::path::{Path, PathBuf};

use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::{FileError, check_version, parse, scenario};
use crate::hardware::Rect;
use crate::scenario::{PinnedKernel, Scenario};

/// Version that is written.
const VERSION: (u32, u32) = (1, 0);

/// Longest side and farthest corner of a kernel, as in a scenario file.
const SIDE_MAX: u32 = 65_536;

/// Work that was not saved.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftFile {
    /// When it was written, in seconds since 1970.
    pub kept_unix_seconds: u64,
    /// Edits after the last save, or since the document was opened.
    pub edits: u64,
    /// The file that the document was opened from or saved to last.
    pub saved: Option<SavedFile>,
    /// Whether saving over that file is refused, because a newer program wrote it.
    pub read_only: bool,
    pub scenario: Scenario,
    /// The layout under the hand, if kernels were being placed.
    pub placing: Option<Vec<PlacedKernel>>,
}

/// A file on the disk and what was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFile {
    pub path: PathBuf,
    /// [`super::store::content_hash`] of what was read or written last.
    pub content_hash: u64,
}

/// One kernel of a layout that has not run yet. It needs not be legal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedKernel {
    pub kernel: PinnedKernel,
    /// Whether the compiler leaves it where it is.
    pub held: bool,
}

impl DraftFile {
    /// The scenario with the layout under the hand, as saving writes it.
    pub fn contents(&self) -> Scenario {
        let mut scenario = self.scenario.clone();
        if let Some(placing) = &self.placing {
            let pinned: Vec<PinnedKernel> = placing.iter().map(|placed| placed.kernel.clone()).collect();
            if scenario.pinned != pinned {
                scenario.pinned = pinned;
                scenario.recording = None;
            }
        }
        scenario
    }
}

/// Reads a draft.
///
/// # Errors
/// One sentence that names the file, what was expected and what was found.
pub fn read(bytes: &[u8], file: &str) -> Result<DraftFile, FileError> {
    if check_version(bytes, file, VERSION.0)? > VERSION.1 {
        return Err(FileError::field(file, "version", "expected a draft of this version, found one of a newer"));
    }
    let V1 { version: _, kept_unix_seconds, edits, saved, read_only, placing, scenario } = parse(bytes, file)?;
    let saved = saved.map(|saved| {
        let digits = super::quoted(&saved.content_hash);
        let hash = u64::from_str_radix(&saved.content_hash, 16).map_err(|_error| {
            FileError::field(file, "saved.content_hash", format!("expected 16 hexadecimal digits, found {digits}"))
        })?;
        Ok(SavedFile { path: saved.path.path(), content_hash: hash })
    });
    let placing = placing.map(|placing| placing.into_iter().map(|placed| placed.placed(file)).collect());
    Ok(DraftFile {
        kept_unix_seconds,
        edits,
        saved: saved.transpose()?,
        read_only,
        scenario: scenario::read(scenario.as_bytes(), file)?.scenario,
        placing: placing.transpose()?,
    })
}

/// Writes a draft as text.
pub fn write(draft: &DraftFile) -> String {
    let DraftFile { kept_unix_seconds, edits, saved, read_only, scenario, placing } = draft;
    let file = V1 {
        version: VERSION,
        kept_unix_seconds: *kept_unix_seconds,
        edits: *edits,
        saved: saved.as_ref().map(|saved| SavedOnDisk {
            path: PathOnDisk::of(&saved.path),
            content_hash: format!("{:016x}", saved.content_hash),
        }),
        read_only: *read_only,
        placing: placing.as_ref().map(|placing| placing.iter().map(PlacedOnDisk::of).collect()),
        scenario: super::scenario::write(scenario),
    };
    // The scenario's own escapes are not escaped once more.
    let pretty = PrettyConfig::new().struct_names(false).depth_limit(3).escape_strings(false);
    let text = ron::ser::to_string_pretty(&file, pretty);
    // The types below have no map with keys that RON could refuse.
    text.map_or_else(|error| unreachable!("a draft is always written: {error}"), |text| text + "\n")
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct V1 {
    version: (u32, u32),
    kept_unix_seconds: u64,
    edits: u64,
    saved: Option<SavedOnDisk>,
    read_only: bool,
    placing: Option<Vec<PlacedOnDisk>>,
    scenario: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SavedOnDisk {
    path: PathOnDisk,
    content_hash: String,
}

/// A path as text; where it is none, as its bytes on Unix, or as near as text comes to it.
#[derive(Deserialize, Serialize)]
enum PathOnDisk {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PlacedOnDisk {
    block: Option<u32>,
    op: String,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    held: bool,
}

impl PathOnDisk {
    fn of(path: &Path) -> Self {
        #[cfg(unix)]
        if path.to_str().is_none() {
            use std::os::unix::ffi::OsStrExt as _;
            return Self::Bytes(path.as_os_str().as_bytes().to_vec());
        }
        Self::Text(path.to_string_lossy().into_owned())
    }

    fn path(self) -> PathBuf {
        match self {
            Self::Text(text) => PathBuf::from(text),
            #[cfg(unix)]
            Self::Bytes(bytes) => {
                use std::os::unix::ffi::OsStringExt as _;
                PathBuf::from(std::ffi::OsString::from_vec(bytes))
            }
            #[cfg(not(unix))]
            Self::Bytes(bytes) => PathBuf::from(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl PlacedOnDisk {
    fn of(placed: &PlacedKernel) -> Self {
        let PlacedKernel { kernel: PinnedKernel { block, op, wafer: _, rect }, held } = placed;
        let Rect { x, y, width, height } = *rect;
        Self { block: *block, op: op.clone(), x, y, width, height, held: *held }
    }

    fn placed(self, file: &str) -> Result<PlacedKernel, FileError> {
        let Self { block, op, x, y, width, height, held } = self;
        if x.max(y) > SIDE_MAX || !(1..=SIDE_MAX).contains(&width) || !(1..=SIDE_MAX).contains(&height) {
            let message = format!("expected a rectangle within {SIDE_MAX} cores, found {width} × {height} at {x}, {y}");
            return Err(FileError::field(file, "placing", message));
        }
        Ok(PlacedKernel { kernel: PinnedKernel { block, op, wafer: 0, rect: Rect { x, y, width, height } }, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library;

    #[test]
    fn a_draft_survives_its_file() {
        let scenario = library::ALL[0].scenario();
        let kernel = |x| PinnedKernel {
            block: Some(1),
            op: "mlp.up".to_owned(),
            wafer: 0,
            rect: Rect { x, y: 7, width: 30, height: 40 },
        };
        for path in ["/home/ö/odd \"name\"\n.ron", "/plain.ron"] {
            let draft = DraftFile {
                kept_unix_seconds: 1_764_338_520,
                edits: 3,
                saved: Some(SavedFile { path: PathBuf::from(path), content_hash: 0xfeed }),
                read_only: true,
                scenario: scenario.clone(),
                placing: Some(vec![PlacedKernel { kernel: kernel(5), held: true }]),
            };
            assert_eq!(read(write(&draft).as_bytes(), "a.draft").unwrap(), draft);
            assert_eq!(draft.contents().pinned, [kernel(5)]);
            assert_eq!(draft.contents().recording, None, "what was recorded belongs to another layout");
            let off = write(&draft).replace("width: 30", "width: 0");
            let error = read(off.as_bytes(), "a.draft").unwrap_err().to_string();
            assert!(error.starts_with("a.draft: placing: expected a rectangle"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_survives() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff\xfe.ron"));
        assert_eq!(PathOnDisk::of(path).path(), path);
    }
}
