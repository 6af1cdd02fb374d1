//! Scenario files, version 1.0, and the way up from older ones.
//!
//! The types here are what is on disk, and nothing else: the layers below never see them. A file of a newer minor
//! version is opened with what this one understands and must not be written over; another major one is refused. Fields
//! that are unknown are skipped in the former only.

use std::ops::RangeInclusive;

use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

use super::{FileError, check_version, parse};
use crate::compiler::{Job, Mapping, Work};
use crate::hardware::Rect;
use crate::scenario::replay::{Outcome, Recording};
use crate::scenario::{Defects, PinnedKernel, SEQUENCE_MAX, Scenario, Source};
use crate::sim::{Command, LogEntry};

/// Version that is written.
const VERSION: (u32, u32) = (1, 0);

/// Sequences in one step.
const BATCH: RangeInclusive<u64> = 1..=1_000_000;
/// Tokens in one sequence.
const SEQUENCE: RangeInclusive<u64> = 1..=SEQUENCE_MAX;
/// Systems in one cluster (2 048 is the largest that is sold).
const SYSTEMS: RangeInclusive<u32> = 1..=65_536;

/// Longest name or line of words that a file may hold, in characters; longer ones would not be drawn in time.
const WORDS_MAX: usize = 1_000;
/// Most kernels that a user may have pinned: more than the largest model has.
const PINNED_MAX: usize = 400_000;
/// Most commands and most hashes of a recording; ours have one and sixteen.
const RECORDED_MAX: usize = 20_000;

/// A scenario that was read, and whether it may be written back.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    pub scenario: Scenario,
    /// Words to the user: migrated, or read-only because a newer program wrote it.
    pub notice: Option<String>,
    pub read_only: bool,
}

/// Reads a scenario of this or an older version.
///
/// # Errors
/// One sentence that names the file, the place or the field, what was expected and what was found.
pub fn read(bytes: &[u8], file: &str) -> Result<Opened, FileError> {
    let (major, minor) = super::version(bytes, file)?;
    if major == 0 {
        let scenario = V1::from(parse::<V0>(bytes, file)?).scenario(file)?;
        let notice = format!("{file} has the format of version 0.{minor}; it will be saved as version 1.0");
        return Ok(Opened { scenario, notice: Some(notice), read_only: false });
    }
    check_version(bytes, file, VERSION.0)?;
    let read_only = minor > VERSION.1;
    if !read_only {
        strict::check(bytes, file)?;
    }
    let scenario = parse::<V1>(bytes, file)?.scenario(file)?;
    let notice = read_only
        .then(|| format!("{file} was written by a newer Waferscope (format 1.{minor}); it is opened read-only"));
    Ok(Opened { scenario, notice, read_only })
}

/// Writes a scenario as text.
pub fn write(scenario: &Scenario) -> String {
    let pretty = PrettyConfig::new().struct_names(false).depth_limit(8);
    let text = ron::ser::to_string_pretty(&V1::of(scenario), pretty);
    // The types above have no map with keys that RON could refuse.
    text.map_or_else(|error| unreachable!("a scenario is always written: {error}"), |text| text + "\n")
}

/// The types of a file, defined once and derived twice: see [`strict`].
macro_rules! types_on_disk {
    ($(#[$attribute:meta])*) => {
        $(#[$attribute])*
        struct V1 {
            version: (u32, u32),
            title: String,
            question: String,
            device: SourceFile,
            model: SourceFile,
            defects: DefectsFile,
            job: JobFile,
            #[serde(default)]
            pinned: Vec<PinnedFile>,
            #[serde(default)]
            recording: Option<RecordingFile>,
        }

        $(#[$attribute])*
        enum SourceFile {
            BuiltIn(String),
            Embedded { file_name: String, text: String },
        }

        $(#[$attribute])*
        enum DefectsFile {
            /// RON would write a variant called `None` as `r#None`.
            #[serde(rename = "NoDefects", alias = "None")]
            None,
            Random {
                per_mm2: f64,
                seed: u64,
            },
        }

        $(#[$attribute])*
        struct JobFile {
            mapping: MappingFile,
            work: WorkFile,
            batch: u64,
            sequence: u64,
            systems: u32,
        }

        $(#[$attribute])*
        enum MappingFile {
            Streaming,
            Pipelined,
            Resident,
        }

        $(#[$attribute])*
        enum WorkFile {
            Train,
            Forward,
        }

        $(#[$attribute])*
        struct PinnedFile {
            block: Option<u32>,
            op: String,
            // Files of before knew one wafer.
            #[serde(default, skip_serializing_if = "is_first")]
            wafer: u32,
            x: u32,
            y: u32,
            width: u32,
            height: u32,
        }

        $(#[$attribute])*
        struct RecordingFile {
            model_revision: u32,
            commands: Vec<(u64, CommandFile)>,
            /// Cycle, and hash in hexadecimal.
            hashes: Vec<(u64, String)>,
            outcome: OutcomeFile,
        }

        $(#[$attribute])*
        enum CommandFile {
            RunTo(u64),
            RunToEnd,
            Hold,
        }

        $(#[$attribute])*
        enum OutcomeFile {
            Finished { cycles: u64 },
            Refused { reasons: Vec<String> },
        }
    };
}

types_on_disk! {
    #[derive(Deserialize, Serialize)]
}

/// The same types, refusing fields that they do not know.
///
/// A file of a newer minor version may have fields that we cannot know, which are skipped. In one of our own version an
/// unknown field is a mistake of its author, who would lose what it says. Serde decides this for a type and not for a
/// call, hence the second set, which only looks.
#[expect(dead_code, reason = "what is read here is read again and kept by the types above")]
mod strict {
    use serde::Deserialize;

    use super::super::{FileError, parse};

    types_on_disk! {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
    }

    /// Refuses a file with a field that version 1.0 does not have.
    ///
    /// # Errors
    /// As [`parse`], for the first such field.
    pub(super) fn check(bytes: &[u8], file: &str) -> Result<(), FileError> {
        parse::<V1>(bytes, file).map(drop)
    }
}

/// Version 0: one wafer, weight streaming and training only, built-in models only, no recording.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct V0 {
    #[serde(rename = "version")]
    _version: (u32, u32),
    title: String,
    device: String,
    model: String,
    defects_per_mm2: f64,
    seed: u64,
    batch: u64,
    sequence: u64,
}

impl From<V0> for V1 {
    fn from(old: V0) -> Self {
        Self {
            version: VERSION,
            question: String::new(),
            title: old.title,
            device: SourceFile::BuiltIn(old.device),
            model: SourceFile::BuiltIn(old.model),
            defects: if old.defects_per_mm2 == 0.0 {
                DefectsFile::None
            } else {
                DefectsFile::Random { per_mm2: old.defects_per_mm2, seed: old.seed }
            },
            job: JobFile {
                mapping: MappingFile::Streaming,
                work: WorkFile::Train,
                batch: old.batch,
                sequence: old.sequence,
                systems: 1,
            },
            pinned: Vec::new(),
            recording: None,
        }
    }
}

impl V1 {
    fn of(scenario: &Scenario) -> Self {
        let Scenario { title, question, device, model, defects, job, pinned, recording } = scenario;
        Self {
            version: VERSION,
            title: title.clone(),
            question: question.clone(),
            device: SourceFile::of(device),
            model: SourceFile::of(model),
            defects: match *defects {
                Defects::None => DefectsFile::None,
                Defects::Random { per_mm2, seed } => DefectsFile::Random { per_mm2, seed },
            },
            job: JobFile {
                mapping: match job.mapping {
                    Mapping::Streaming => MappingFile::Streaming,
                    Mapping::Pipelined => MappingFile::Pipelined,
                    Mapping::Resident => MappingFile::Resident,
                },
                work: match job.work {
                    Work::Train => WorkFile::Train,
                    Work::Forward => WorkFile::Forward,
                },
                batch: job.batch,
                sequence: job.sequence,
                systems: job.systems,
            },
            pinned: pinned.iter().map(PinnedFile::of).collect(),
            recording: recording.as_ref().map(RecordingFile::of),
        }
    }

    fn scenario(self, file: &str) -> Result<Scenario, FileError> {
        let Self { version: _, title, question, device, model, defects, job, pinned, recording } = self;
        let defects = match defects {
            DefectsFile::None => Defects::None,
            DefectsFile::Random { per_mm2, seed } => {
                let range = crate::hardware::defects::DENSITY_PER_MM2;
                if !range.contains(&per_mm2) {
                    let expected = format!("expected defects per mm² from {} to {}", range.start(), range.end());
                    return Err(FileError::field(file, "defects.per_mm2", format!("{expected}, found {per_mm2}")));
                }
                Defects::Random { per_mm2, seed }
            }
        };
        words(file, "title", &title)?;
        words(file, "question", &question)?;
        few(file, "pinned", pinned.len(), PINNED_MAX)?;
        within(file, "job.batch", job.batch, &BATCH)?;
        within(file, "job.sequence", job.sequence, &SEQUENCE)?;
        within(file, "job.systems", job.systems, &SYSTEMS)?;
        Ok(Scenario {
            title,
            question,
            device: device.source(file, "device")?,
            model: model.source(file, "model")?,
            defects,
            job: job.job(),
            pinned: pinned.into_iter().map(|kernel| kernel.pinned(file)).collect::<Result<_, _>>()?,
            recording: recording.map(|recording| recording.recording(file)).transpose()?,
        })
    }
}

/// Refuses a number outside its range.
fn within<T: PartialOrd + Copy + std::fmt::Display>(
    file: &str,
    field: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), FileError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("expected a number from {} to {}", range.start(), range.end());
    Err(FileError::field(file, field, format!("{expected}, found {value}")))
}

/// Refuses a text that is too long for a name or a line.
fn words(file: &str, field: &str, text: &str) -> Result<(), FileError> {
    let length = text.chars().count();
    if length <= WORDS_MAX {
        return Ok(());
    }
    Err(FileError::field(file, field, format!("expected at most {WORDS_MAX} characters, found {length}")))
}

/// Refuses a list that is too long.
fn few(file: &str, field: &str, count: usize, most: usize) -> Result<(), FileError> {
    if count <= most {
        return Ok(());
    }
    Err(FileError::field(file, field, format!("expected at most {most} entries, found {count}")))
}

impl SourceFile {
    fn of(source: &Source) -> Self {
        match source.clone() {
            Source::BuiltIn(name) => Self::BuiltIn(name),
            Source::Embedded { file_name, text } => Self::Embedded { file_name, text },
        }
    }

    fn source(self, file: &str, field: &str) -> Result<Source, FileError> {
        match self {
            Self::BuiltIn(name) => words(file, field, &name).map(|()| Source::BuiltIn(name)),
            Self::Embedded { file_name, text } => {
                words(file, &format!("{field}.file_name"), &file_name)?;
                Ok(Source::Embedded { file_name, text })
            }
        }
    }
}

impl JobFile {
    fn job(&self) -> Job {
        Job {
            mapping: match self.mapping {
                MappingFile::Streaming => Mapping::Streaming,
                MappingFile::Pipelined => Mapping::Pipelined,
                MappingFile::Resident => Mapping::Resident,
            },
            work: match self.work {
                WorkFile::Train => Work::Train,
                WorkFile::Forward => Work::Forward,
            },
            batch: self.batch,
            sequence: self.sequence,
            systems: self.systems,
        }
    }
}

/// Whether a wafer is the first of its row, which goes without saying.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_first(wafer: &u32) -> bool {
    *wafer == 0
}

impl PinnedFile {
    fn of(kernel: &PinnedKernel) -> Self {
        let PinnedKernel { block, op, wafer, rect: Rect { x, y, width, height } } = kernel.clone();
        Self { block, op, wafer, x, y, width, height }
    }

    fn pinned(self, file: &str) -> Result<PinnedKernel, FileError> {
        let Self { block, op, wafer, x, y, width, height } = self;
        words(file, "pinned.op", &op)?;
        // Anything larger is off every wafer; the checker says by how much for what is smaller.
        let side = 1..=65_536;
        within(file, "pinned.width", width, &side)?;
        within(file, "pinned.height", height, &side)?;
        within(file, "pinned.x", x, &(0..=65_536))?;
        within(file, "pinned.y", y, &(0..=65_536))?;
        Ok(PinnedKernel { block, op, wafer, rect: Rect { x, y, width, height } })
    }
}

impl RecordingFile {
    fn of(recording: &Recording) -> Self {
        let Recording { model_revision, commands, hashes, outcome } = recording;
        let command = |entry: &LogEntry| match entry.command {
            Command::RunTo(cycle) => (entry.cycle, CommandFile::RunTo(cycle)),
            Command::RunToEnd => (entry.cycle, CommandFile::RunToEnd),
            Command::Hold => (entry.cycle, CommandFile::Hold),
        };
        Self {
            model_revision: *model_revision,
            commands: commands.iter().map(command).collect(),
            hashes: hashes.iter().map(|&(cycle, hash)| (cycle, format!("{hash:016x}"))).collect(),
            outcome: match outcome.clone() {
                Outcome::Finished { cycles } => OutcomeFile::Finished { cycles },
                Outcome::Refused { reasons } => OutcomeFile::Refused { reasons },
            },
        }
    }

    fn recording(self, file: &str) -> Result<Recording, FileError> {
        few(file, "recording.commands", self.commands.len(), RECORDED_MAX)?;
        few(file, "recording.hashes", self.hashes.len(), RECORDED_MAX)?;
        let command = |(cycle, command)| LogEntry {
            cycle,
            command: match command {
                CommandFile::RunTo(cycle) => Command::RunTo(cycle),
                CommandFile::RunToEnd => Command::RunToEnd,
                CommandFile::Hold => Command::Hold,
            },
        };
        let hash = |(cycle, digits): (u64, String)| {
            let hash = u64::from_str_radix(&digits, 16);
            hash.map(|hash| (cycle, hash)).map_err(|_error| {
                let found = super::quoted(&digits);
                FileError::field(file, "recording.hashes", format!("expected 16 hexadecimal digits, found {found}"))
            })
        };
        Ok(Recording {
            model_revision: self.model_revision,
            commands: self.commands.into_iter().map(command).collect(),
            hashes: self.hashes.into_iter().map(hash).collect::<Result<_, _>>()?,
            outcome: match self.outcome {
                OutcomeFile::Finished { cycles } => Outcome::Finished { cycles },
                OutcomeFile::Refused { reasons } => Outcome::Refused { reasons },
            },
        })
    }
}
