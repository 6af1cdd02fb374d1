//! Crash reports: what broke, where, and what led to it, written when this program panics.
//!
//! The hook runs on the thread that broke and knows only what was noted here before: the commands of the engine, the
//! draft, the scenario's title. A report is fresh until somebody was told of it; the next start tells of those whose
//! process could not.

use std::fmt::Write as _;
use std::fs;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::scenario::Scenario;
use crate::scenario::file::{FileError, scenario};
use crate::scenario::replay::{Outcome, Recording};
use crate::session::clock;
use crate::session::storage::Storage;
use crate::sim::thread::CommandLog;
use crate::sim::{Command, LogEntry, MODEL_REVISION};

/// Reports and replay logs that are kept; the oldest go first.
pub const REPORTS_MAX: usize = 20;

/// End of the name of a report that nobody was told of.
const FRESH: &str = "-crash.fresh.txt";

/// What a report says beside the panic itself.
#[derive(Debug, Default)]
struct Noted {
    title: String,
    draft: Option<PathBuf>,
    log: Option<CommandLog>,
    /// The report that was written last.
    report: Option<PathBuf>,
}

static NOTED: Mutex<Option<Noted>> = Mutex::new(None);

fn note(change: impl FnOnce(&mut Noted)) {
    change(NOTED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
}

/// Notes the scenario that runs and where its engine logs what it was told.
pub(super) fn note_run(title: &str, log: CommandLog) {
    note(|noted| {
        title.clone_into(&mut noted.title);
        noted.log = Some(log);
    });
}

/// Notes where the work that is not saved is kept.
pub(super) fn note_draft(path: Option<PathBuf>) {
    note(|noted| noted.draft = path);
}

/// Writes a report of every panic of this process from now on, before it is told on standard error as ever.
pub fn install_hook(storage: Storage) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(&storage, info);
        before(info);
    }));
}

/// Writes the report. It must not panic, nor wait for a lock that the thread that broke may hold.
fn report(storage: &Storage, info: &PanicHookInfo<'_>) {
    static REPORTS: AtomicU32 = AtomicU32::new(0);
    let mut noted = NOTED.try_lock().ok();
    let noted = noted.as_deref_mut().and_then(Option::as_mut);
    let text = words(info, noted.as_deref());
    let number = REPORTS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{}-{number}{FRESH}", clock::since_1970().as_millis(), std::process::id());
    let path = storage.reports().join(name);
    // Nobody is left to tell if even that fails; the panic itself goes to standard error in any case.
    let written = storage.write(&path, text.as_bytes()).is_ok();
    if let Some(noted) = noted.filter(|_| written) {
        noted.report = Some(path);
    }
}

fn words(info: &PanicHookInfo<'_>, noted: Option<&Noted>) -> String {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let said = said.unwrap_or("no message").replace('\n', " ");
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let mut text = format!(
        "{said}\n\nWaferscope {}, revision {MODEL_REVISION} of the model, {} {}\nplace: {place}\nthread: {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        thread.name().unwrap_or("without a name"),
    );
    if let Some(Noted { title, draft, log, report: _ }) = noted {
        let draft = draft.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string());
        let log = log.as_ref().and_then(CommandLog::peek);
        let commands = log.as_deref().map_or_else(|| "not known".to_owned(), command_words);
        // Writing to a string cannot fail.
        let _written = write!(text, "scenario: {title}\ndraft: {draft}\ncommands of the engine: {commands}\n").is_ok();
    }
    let backtrace = std::backtrace::Backtrace::force_capture();
    let _written = write!(text, "\n{backtrace}\n").is_ok();
    text
}

fn command_words(log: &[LogEntry]) -> String {
    let words = log.iter().map(|entry| {
        let what = match entry.command {
            Command::RunTo(cycle) => format!("run to cycle {cycle}"),
            Command::RunToEnd => "run to the end".to_owned(),
            Command::Hold => "hold".to_owned(),
        };
        format!("at cycle {}: {what}", entry.cycle)
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "none yet".to_owned() } else { words.join("; ") }
}

/// A report that the process which wrote it could not tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub path: PathBuf,
    /// What broke, in one line.
    pub what: String,
    pub unix_seconds: u64,
}

/// Reports that nobody was told of, newest first. They count as told from now on. Removes the oldest files beyond
/// [`REPORTS_MAX`].
pub fn take_fresh(storage: &Storage) -> Vec<Report> {
    let Ok(entries) = fs::read_dir(storage.reports()) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    // Names begin with the time.
    paths.sort_by_key(|path| std::cmp::Reverse(path.file_name().map(std::ffi::OsStr::to_owned)));
    for old in paths.iter().skip(REPORTS_MAX) {
        // The next start tries again.
        let _removed = fs::remove_file(old).is_ok();
    }
    paths.truncate(REPORTS_MAX);
    paths.iter().filter_map(|path| told(path)).collect()
}

/// Marks a fresh report as told and reads its first line.
fn told(path: &Path) -> Option<Report> {
    let name = path.file_name()?.to_str()?.strip_suffix(FRESH)?;
    let milliseconds: u64 = name.split('-').next()?.parse().ok()?;
    let told = path.with_file_name(format!("{name}-crash.txt"));
    fs::rename(path, &told).ok()?;
    let text = crate::scenario::file::store::read(&told).unwrap_or_default();
    let what = String::from_utf8_lossy(&text).lines().next().unwrap_or("no message").chars().take(200).collect();
    Some(Report { path: told, what, unix_seconds: milliseconds / 1_000 })
}

/// Writes the commands that led to a stop of the engine, as a scenario that `waferscope replay --verify` repeats, and
/// marks the report of it as told. Returns where the log is.
///
/// # Errors
/// If the log cannot be written.
pub(super) fn save_log(
    storage: &Storage,
    scenario: Scenario,
    log: Vec<LogEntry>,
    message: &str,
) -> Result<PathBuf, FileError> {
    let outcome = Outcome::Refused { reasons: vec![format!("the engine stopped: {message}")] };
    let recording = Recording { model_revision: MODEL_REVISION, commands: log, hashes: Vec::new(), outcome };
    let scenario = Scenario { recording: Some(recording), ..scenario };
    let report = NOTED.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|noted| noted.report.take());
    // One that stays fresh is told of once more at the next start.
    let _told = report.is_some_and(|path| told(&path).is_some());
    let name = format!("{}-{}-replay.ron", clock::since_1970().as_millis(), std::process::id());
    let path = storage.reports().join(name);
    storage.write(&path, scenario::write(&scenario).as_bytes())?;
    Ok(path)
}
