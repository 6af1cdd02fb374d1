//! The folder of drafts: one file and one lock for each window with work that is not saved.
//!
//! A lock ends with its process, however that ends, so a draft whose lock is free belongs to nobody and is offered. A
//! window holds the lock of what it offers, so that two windows never offer the same draft. Drafts that were set aside
//! are kept, but no longer offered at the start. When they are written is `keeper`'s business.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::scenario::file::draft::{self, DraftFile};
use crate::scenario::file::{FileError, scenario, store};
use crate::session::clock;
use crate::session::storage::{Storage, make_folder};

/// Drafts that are kept; the oldest go first.
pub const DRAFTS_MAX: usize = 20;
/// Days that a draft is kept.
pub const DRAFT_DAYS_MAX: u64 = 30;

/// Extension of a draft that is offered.
const DRAFT: &str = "draft";
/// Extension of a draft that was set aside.
const ASIDE: &str = "aside";
/// Extension of a lock.
const LOCK: &str = "lock";

/// Age at which a left-over of an interrupted write is removed; none takes that long.
const LEFT_OVER_AGE: Duration = Duration::from_hours(1);

/// The name of a draft, and the right to write it for as long as this process lives.
#[derive(Debug)]
pub struct Slot {
    folder: PathBuf,
    pub name: String,
    _lock: File,
}

impl Slot {
    /// A new one in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// If the folder or the lock cannot be made.
    pub fn new(folder: &Path) -> Result<Self, FileError> {
        static SLOTS: AtomicU32 = AtomicU32::new(0);
        make_folder(folder)?;
        let number = SLOTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", clock::since_1970().as_millis(), std::process::id());
        let failed = |error: &dyn std::fmt::Display| FileError::whole(&folder.display().to_string(), error.to_string());
        // Locked before it has the name that others look for.
        let fresh = folder.join(format!("{name}.{LOCK}.tmp"));
        let lock = File::create(&fresh).map_err(|error| failed(&error))?;
        lock.try_lock().map_err(|error| failed(&error))?;
        fs::rename(&fresh, folder.join(format!("{name}.{LOCK}"))).map_err(|error| failed(&error))?;
        Ok(Self { folder: folder.to_owned(), name, _lock: lock })
    }

    /// The draft `name` of a process that is gone; `None` while it lives.
    pub fn claim(folder: &Path, name: &str) -> Option<Self> {
        let lock = folder.join(format!("{name}.{LOCK}"));
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(lock).ok()?;
        lock.try_lock().ok()?;
        Some(Self { folder: folder.to_owned(), name: name.to_owned(), _lock: lock })
    }

    /// The draft's file.
    pub fn path(&self) -> PathBuf {
        self.with(DRAFT)
    }

    fn with(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }

    /// Removes the draft and its lock.
    pub fn discard(self) {
        // What cannot be removed is offered once more, which loses nothing.
        let _removed = [DRAFT, ASIDE, LOCK].map(|extension| fs::remove_file(self.with(extension)).is_ok());
    }

    /// Keeps the draft, but no longer offers it.
    pub fn set_aside(self) {
        // What cannot be renamed is offered once more, which loses nothing.
        let _renamed = fs::rename(self.with(DRAFT), self.with(ASIDE)).is_ok();
        let _removed = fs::remove_file(self.with(LOCK)).is_ok();
    }

    /// Offers a draft that was set aside again, in case this process ends before it is saved.
    pub fn take_up(&self) {
        // One that cannot be renamed stays where it is, which loses nothing.
        let _renamed = fs::rename(self.with(ASIDE), self.with(DRAFT)).is_ok();
    }
}

/// What became of the file that a draft belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedNow {
    /// The document was never saved.
    Never,
    /// It is as the draft knew it.
    Same,
    /// It was written since.
    Written,
    /// It is gone, or cannot be read.
    Gone,
}

/// A draft that nobody works on.
#[derive(Debug)]
pub struct Found {
    pub slot: Slot,
    pub file: DraftFile,
    pub saved_now: SavedNow,
}

/// A draft that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    pub name: String,
    pub title: String,
    pub kept_unix_seconds: u64,
}

/// What is in the folder.
#[derive(Debug, Default)]
pub struct Scan {
    /// Newest first.
    pub found: Vec<Found>,
    /// Newest first.
    pub aside: Vec<Aside>,
    /// Drafts of windows that live, or that the system has not cleared away yet.
    pub busy: usize,
    /// What there is to say about what was removed or cannot be read.
    pub remarks: Vec<String>,
}

/// Looks for drafts that nobody works on, and removes those that are too old or too many.
pub fn scan(storage: &Storage, now_unix_seconds: u64) -> Scan {
    let folder = storage.drafts();
    let mut scan = Scan::default();
    let Ok(entries) = fs::read_dir(&folder) else { return scan };
    let mut drafts = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension {
            DRAFT | ASIDE => match take(&folder, &path) {
                Ok(Some((slot, file))) => drafts.push((slot, file, extension == ASIDE)),
                Ok(None) => scan.busy += 1,
                Err(error) => scan.remarks.push(format!("A draft cannot be read and stays where it is: {error}.")),
            },
            LOCK => remove_lone_lock(&folder, &path),
            "tmp" if is_older_than(&path, LEFT_OVER_AGE) => {
                // The next start tries again.
                let _removed = fs::remove_file(&path).is_ok();
            }
            _ => {}
        }
    }
    drafts.sort_by_key(|(slot, file, _)| std::cmp::Reverse((file.kept_unix_seconds, slot.name.clone())));
    let oldest = now_unix_seconds.saturating_sub(DRAFT_DAYS_MAX * 86_400);
    let mut removed = 0;
    for (index, (slot, file, aside)) in drafts.into_iter().enumerate() {
        if index >= DRAFTS_MAX || file.kept_unix_seconds < oldest {
            removed += 1;
            slot.discard();
        } else if aside {
            let title = file.scenario.title.clone();
            scan.aside.push(Aside { name: slot.name.clone(), title, kept_unix_seconds: file.kept_unix_seconds });
            // Nobody's until it is opened; a lock without a process would only litter the folder.
            let _removed = fs::remove_file(slot.with(LOCK)).is_ok();
        } else {
            let saved_now = saved_now(&file);
            match saved_now {
                None => slot.discard(),
                Some(saved_now) => scan.found.push(Found { slot, file, saved_now }),
            }
        }
    }
    if removed > 0 {
        let drafts = if removed == 1 { "draft was" } else { "drafts were" };
        scan.remarks.push(format!(
            "{removed} old {drafts} removed: the newest {DRAFTS_MAX} are kept, for {DRAFT_DAYS_MAX} days each."
        ));
    }
    scan
}

/// Opens a draft that was set aside.
///
/// # Errors
/// If another window has it, or it cannot be read.
pub fn take_aside(storage: &Storage, name: &str) -> Result<Found, FileError> {
    let folder = storage.drafts();
    let path = folder.join(format!("{name}.{ASIDE}"));
    let busy = || FileError::whole(&path.display().to_string(), "another window has this draft open");
    let (slot, file) = take(&folder, &path)?.ok_or_else(busy)?;
    slot.take_up();
    let saved_now = saved_now(&file).unwrap_or(SavedNow::Same);
    Ok(Found { slot, file, saved_now })
}

/// Takes the lock of a draft and reads it; `None` if somebody works on it, or it is gone by now.
fn take(folder: &Path, path: &Path) -> Result<Option<(Slot, DraftFile)>, FileError> {
    let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { return Ok(None) };
    let Some(slot) = Slot::claim(folder, name) else { return Ok(None) };
    if !path.exists() {
        // Its window ended well just now.
        slot.discard();
        return Ok(None);
    }
    let file = draft::read(&store::read(path)?, &path.display().to_string())?;
    Ok(Some((slot, file)))
}

/// A lock whose process is gone and that has no draft.
fn remove_lone_lock(folder: &Path, path: &Path) {
    let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { return };
    let has = |extension: &str| folder.join(format!("{name}.{extension}")).exists();
    if has(DRAFT) || has(ASIDE) {
        return;
    }
    // Looked at again once it is ours: its window may have written a draft in between.
    if Slot::claim(folder, name).is_some() && !has(DRAFT) && !has(ASIDE) {
        // The next start tries again.
        let _removed = fs::remove_file(path).is_ok();
    }
}

fn is_older_than(path: &Path, age: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|elapsed| elapsed > age)
}

/// What became of a draft's saved file; `None` if the draft was saved to it in the end.
fn saved_now(file: &DraftFile) -> Option<SavedNow> {
    let Some(saved) = &file.saved else { return Some(SavedNow::Never) };
    let Ok(bytes) = store::read(&saved.path) else { return Some(SavedNow::Gone) };
    if store::content_hash(&bytes) == saved.content_hash {
        return Some(SavedNow::Same);
    }
    // A process may have ended between saving a file and removing the draft of it.
    let Ok(on_disk) = scenario::read(&bytes, &saved.path.display().to_string()) else { return Some(SavedNow::Written) };
    let plain = |scenario| crate::scenario::Scenario { recording: None, ..scenario };
    (plain(on_disk.scenario) != plain(file.contents())).then_some(SavedNow::Written)
}
