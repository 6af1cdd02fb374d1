//! What a user names on the command line: a scenario file, a model file, or something that the program ships.
//!
//! Files are told apart by their content, as in the window.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::ValueEnum;

use crate::scenario::file::{shown, store};
use crate::scenario::{Scenario, library};
use crate::session::document::{self, Document, Loaded};
use crate::workload::builtin;
use crate::workload::import::onnx::Unknown;
use crate::workload::import::{self, Format, Imported};

/// What to do with operators of an ONNX file that are not known.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum UnknownFlag {
    /// Count them as one operation for each element of their result.
    #[default]
    Elementwise,
    /// Pass over them.
    Skip,
    /// Refuse the file.
    Stop,
}

impl From<UnknownFlag> for Unknown {
    fn from(flag: UnknownFlag) -> Self {
        match flag {
            UnknownFlag::Elementwise => Self::Elementwise,
            UnknownFlag::Skip => Self::Skip,
            UnknownFlag::Stop => Self::Stop,
        }
    }
}

/// A scenario that was opened or made for a model file.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// What the user typed.
    pub(super) name: String,
    /// Where it can be written back: a scenario file of a version that this program writes.
    pub(super) writable: Option<PathBuf>,
    pub(super) document: Document,
    /// Words to the user about its version or its reader's doubts.
    pub(super) notices: Vec<String>,
}

impl Opened {
    pub(super) fn scenario(&self) -> &Scenario {
        &self.document.scenario
    }
}

/// Opens a scenario, model or device file by path, or a shipped scenario by name.
///
/// # Errors
/// One sentence that names the file, the place, and what was expected.
pub(super) fn open(path: impl AsRef<Path>) -> anyhow::Result<Opened> {
    open_with(path.as_ref(), UnknownFlag::default())
}

/// The same, with a choice for operators of an ONNX file that are not known.
///
/// # Errors
/// As [`open`].
pub(super) fn open_with(path: &Path, unknown: UnknownFlag) -> anyhow::Result<Opened> {
    let name = shown(path);
    if !is_there(path) {
        return shipped(&name).ok_or_else(|| missing(&name));
    }
    let (document, notices) = match document::load_with(path, unknown.into())? {
        Loaded::Document { document, notices } => (*document, notices),
        // A device by itself runs what runs at launch.
        Loaded::Device(device) => {
            let scenario = Scenario { device, recording: None, ..library::default_scenario() };
            (Document::unsaved(scenario), Vec::new())
        }
    };
    let writable = document.path.clone().filter(|_| !document.read_only);
    let notices = notices.iter().map(|notice| format!("{name}: {notice}")).collect();
    Ok(Opened { name, writable, document, notices })
}

/// Whether something has this name. What cannot be opened, such as a link to itself, is there all the same.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().map_or_else(|error| error.kind() != std::io::ErrorKind::NotFound, |_there| true)
}

/// The scenario that runs when nothing is named.
pub(super) fn default() -> Opened {
    let document = Document::unsaved(library::default_scenario());
    Opened { name: library::ALL[0].name.to_owned(), writable: None, document, notices: Vec::new() }
}

fn shipped(name: &str) -> Option<Opened> {
    let found = library::ALL.iter().find(|shipped| shipped.name == name)?;
    let document = Document::unsaved(found.scenario());
    Some(Opened { name: name.to_owned(), writable: None, document, notices: Vec::new() })
}

fn missing(name: &str) -> anyhow::Error {
    let names: Vec<&str> = library::ALL.iter().map(|shipped| shipped.name).collect();
    let names = names.join(", ");
    anyhow!("{name}: there is no such file, and the scenarios that come with the program are {names}")
}

/// A model file, or a built-in model by name.
///
/// # Errors
/// One sentence that names the file and what was expected.
pub(super) fn model(path: &Path, unknown: UnknownFlag) -> anyhow::Result<Imported> {
    let name = shown(path);
    if is_there(path) {
        let mut file = store::open(path)?;
        return import::read_from(&mut file, unknown.into()).map_err(|error| anyhow!("{name}: {error}"));
    }
    let Some(graph) = builtin::graph(&name) else {
        let names: Vec<&str> = builtin::names().collect();
        bail!("{name}: there is no such file, and the models that come with the program are {}", names.join(", "));
    };
    Ok(Imported { format: Format::HuggingFace, graph })
}
