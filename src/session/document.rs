//! The document, and how a file becomes one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::scenario::file::{self, FileError, Kind, device, scenario, store};
use crate::scenario::{Scenario, Source};
use crate::units::format;
use crate::workload::import::onnx::{self, Unknown};
use crate::workload::import::{self, ImportError, Imported, graph_text};

/// A scenario and where it belongs on the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub scenario: Scenario,
    /// `None` for one that was never saved, or that came from a model file.
    pub path: Option<PathBuf>,
    /// Whether it differs from what is on the disk.
    pub changed: bool,
    /// Whether saving over its file is refused, because a newer program wrote it.
    pub read_only: bool,
    /// [`store::content_hash`] of its file as it was read or written here last.
    pub content_hash: Option<u64>,
}

impl Document {
    /// A scenario that is not on the disk.
    pub fn unsaved(scenario: Scenario) -> Self {
        Self { scenario, path: None, changed: false, read_only: false, content_hash: None }
    }

    /// Notes that it now lives at `path`, with this content.
    pub(super) fn saved(&mut self, path: &Path, content_hash: u64) {
        self.path = Some(path.to_owned());
        self.content_hash = Some(content_hash);
        self.read_only = false;
    }
}

/// What a window is opened on.
#[derive(Debug)]
pub struct Opening {
    /// A document, or the default scenario.
    pub document: Option<Document>,
    /// What its reader did not understand or had to assume.
    pub notices: Vec<String>,
    /// When the process started.
    pub started: Instant,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// A scenario, or a model as a scenario of its own, with what its reader did not understand or had to assume.
    Document { document: Box<Document>, notices: Vec<String> },
    /// A device for the scenario that is open.
    Device(Source),
}

/// Reads a scenario, a model or a device from `path`, whichever the content is.
///
/// # Errors
/// One sentence with the file, the place, what was expected and what was found.
pub fn load(path: &Path) -> Result<Loaded, FileError> {
    load_with(path, Unknown::default())
}

/// The same, with a choice for operators of an ONNX file that are not known.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, unknown: Unknown) -> Result<Loaded, FileError> {
    let mut file = store::open(path)?;
    if onnx::looks_like_onnx(&store::start(&mut file, path, 1)?) {
        return network(&mut file, path, unknown);
    }
    let bytes = store::read(path)?;
    let name = path.display().to_string();
    let file_name = path.file_name().map_or_else(|| name.clone(), |last| last.to_string_lossy().into_owned());
    if looks_like_ron(&bytes) {
        if file::kind(&bytes, &name)? == Kind::Device {
            device::read(&bytes, &name)?;
            // The reader accepted it as text.
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Loaded::Device(Source::Embedded { file_name, text }));
        }
        let opened = scenario::read(&bytes, &name)?;
        check(&opened.scenario, &name)?;
        let document = Document {
            scenario: opened.scenario,
            path: Some(path.to_owned()),
            changed: false,
            read_only: opened.read_only,
            content_hash: Some(store::content_hash(&bytes)),
        };
        return Ok(Loaded::Document { document: Box::new(document), notices: opened.notice.into_iter().collect() });
    }
    let imported = import::read(&bytes).map_err(|error| neither(&name, &error))?;
    // The reader accepted it as text.
    let text = String::from_utf8_lossy(&bytes);
    Ok(of_model(&file_name, &text, &imported))
}

/// An ONNX file as a scenario. Its graph travels with the scenario as text; its weights do not, and are not read.
fn network(file: &mut std::fs::File, path: &Path, unknown: Unknown) -> Result<Loaded, FileError> {
    let name = path.display().to_string();
    let failed = |error: ImportError| FileError::whole(&name, error.to_string());
    let imported = import::read_from(file, unknown).map_err(failed)?;
    let text = graph_text::write(&imported.graph);
    // What a scenario could not be opened with again is refused now.
    import::read(text.as_bytes()).map_err(failed)?;
    let file_name = path.file_name().map_or_else(|| name.clone(), |last| last.to_string_lossy().into_owned());
    Ok(of_model(&file_name, &text, &imported))
}

/// A scenario for a model that was read, with what there is to say about it.
fn of_model(file_name: &str, text: &str, imported: &Imported) -> Loaded {
    let scenario = Scenario::for_model(file_name, text, &imported.graph);
    let mut notices = imported.graph.warnings.clone();
    if imported.graph.sequence > scenario.job.sequence {
        let (allowed, run) = (format::grouped(imported.graph.sequence), format::grouped(scenario.job.sequence));
        notices.push(format!("the model allows sequences of {allowed} tokens; they run with {run}, the most we take"));
    }
    if let Some(batch) = imported.graph.batch.filter(|&batch| batch > scenario.job.batch) {
        let (batch, run) = (format::grouped(batch), scenario.job.batch);
        notices
            .push(format!("the file trains {batch} sequences a step; {run} are run, on a wafer with random defects"));
    }
    Loaded::Document { document: Box::new(Document::unsaved(scenario)), notices }
}

/// Whether the first character that is neither space nor comment opens a RON document; no model file begins so.
fn looks_like_ron(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    loop {
        let end = if rest.starts_with(b"//") {
            rest.iter().position(|&byte| byte == b'\n')
        } else if rest.starts_with(b"/*") {
            rest.windows(2).position(|pair| pair == b"*/").map(|at| at + 1)
        } else {
            // "(*" opens a comment in kernel graphs and nothing in RON.
            return rest.starts_with(b"(") && !rest.starts_with(b"(*") || rest.starts_with(b"#![");
        };
        let Some(end) = end else { return true };
        rest = rest[end + 1..].trim_ascii_start();
    }
}

/// A file that no reader took: which of the two it tried to be is not known.
fn neither(name: &str, error: &ImportError) -> FileError {
    let vague = matches!(error, ImportError::Empty | ImportError::NoMapping { .. } | ImportError::NoModel { .. });
    let message = if vague {
        format!("this is no scenario, which begins with \"(\", and no model file: {error}")
    } else {
        error.to_string()
    };
    FileError::whole(name, message)
}

/// Device and model must be readable before the document that is open gives way.
fn check(scenario: &Scenario, name: &str) -> Result<(), FileError> {
    scenario.prepare().map(|_prepared| ()).map_err(|error| FileError::whole(name, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::looks_like_ron;

    #[test]
    fn scenarios_are_told_by_their_first_character() {
        for text in ["(", "  \n(version: (1, 0))", "// a remark\n(", "/* two\nlines */ (", "\u{feff}("] {
            assert!(looks_like_ron(text.as_bytes()), "{text}");
        }
        for text in ["", "{\"model_type\": \"gpt2\"}", "# yaml\nmodel:\n", "model: (1)", "\0\0", "[1]"] {
            assert!(!looks_like_ron(text.as_bytes()), "{text}");
        }
    }
}
