//! What a user names on the command line: a scenario file, a model file, or something that the program ships.
//!
//! Files are told apart by their content: a scenario begins with an opening parenthesis, everything else is for the
//! model readers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::scenario::file::{scenario, store};
use crate::scenario::{Scenario, library};
use crate::workload::builtin;
use crate::workload::import::{self, Format, ImportError, Imported};

/// A scenario that was opened or made for a model file.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// What the user typed.
    pub(super) name: String,
    /// Where it can be written back: a scenario file of a version that this program writes.
    pub(super) writable: Option<PathBuf>,
    pub(super) scenario: Scenario,
    /// Words to the user about its version or its reader's doubts.
    pub(super) notices: Vec<String>,
}

/// Opens a scenario or a model file by path, or a shipped scenario by name.
///
/// # Errors
/// One sentence that names the file, the place, and what was expected.
pub(super) fn open(name: &str) -> anyhow::Result<Opened> {
    let path = Path::new(name);
    if !path.exists() {
        return shipped(name).ok_or_else(|| missing(name));
    }
    let bytes = store::read(path)?;
    if is_scenario(&bytes) {
        let scenario::Opened { scenario, notice, read_only } = scenario::read(&bytes, name)?;
        let writable = (!read_only).then(|| path.to_owned());
        return Ok(Opened { name: name.to_owned(), writable, scenario, notices: notice.into_iter().collect() });
    }
    let Imported { graph, .. } = import::read(&bytes).map_err(|error| neither(name, &error))?;
    let text = String::from_utf8(bytes).context("a model file that was read is text")?;
    let file_name = path.file_name().map_or_else(|| name.to_owned(), |part| part.to_string_lossy().into_owned());
    let mut graph = graph;
    if graph.name.is_empty() {
        graph.name.clone_from(&file_name);
    }
    let notices = graph.warnings.iter().map(|warning| format!("{name}: {warning}")).collect();
    let scenario = Scenario::for_model(&file_name, &text, &graph);
    Ok(Opened { name: name.to_owned(), writable: None, scenario, notices })
}

/// The scenario that runs when nothing is named.
pub(super) fn default() -> Opened {
    let name = library::ALL[0].name.to_owned();
    Opened { name, writable: None, scenario: library::default_scenario(), notices: Vec::new() }
}

fn shipped(name: &str) -> Option<Opened> {
    let found = library::ALL.iter().find(|shipped| shipped.name == name)?;
    Some(Opened { name: name.to_owned(), writable: None, scenario: found.scenario(), notices: Vec::new() })
}

fn missing(name: &str) -> anyhow::Error {
    let names: Vec<&str> = library::ALL.iter().map(|shipped| shipped.name).collect();
    let names = names.join(", ");
    anyhow!("{name}: there is no such file, and the scenarios that come with the program are {names}")
}

/// A file that no reader took: which of the two it tried to be is not known.
fn neither(name: &str, error: &ImportError) -> anyhow::Error {
    let vague = matches!(error, ImportError::Empty | ImportError::NoMapping { .. } | ImportError::NoModel { .. });
    if vague {
        return anyhow!("{name}: this is no scenario, which begins with \"(\", and no model file: {error}");
    }
    anyhow!("{name}: {error}")
}

/// Whether the first character that is neither space nor comment opens a RON document.
fn is_scenario(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    loop {
        let end = if rest.starts_with(b"//") {
            rest.iter().position(|&byte| byte == b'\n')
        } else if rest.starts_with(b"/*") {
            rest.windows(2).position(|pair| pair == b"*/").map(|at| at + 1)
        } else {
            return rest.starts_with(b"(") || rest.starts_with(b"#![");
        };
        let Some(end) = end else { return true };
        rest = rest[end + 1..].trim_ascii_start();
    }
}

/// A model file, or a built-in model by name.
///
/// # Errors
/// One sentence that names the file and what was expected.
pub(super) fn model(name: &str) -> anyhow::Result<Imported> {
    let path = Path::new(name);
    if path.exists() {
        let bytes = store::read(path)?;
        return import::read(&bytes).map_err(|error| anyhow!("{name}: {error}"));
    }
    let Some(graph) = builtin::graph(name) else {
        let names: Vec<&str> = builtin::names().collect();
        bail!("{name}: there is no such file, and the models that come with the program are {}", names.join(", "));
    };
    Ok(Imported { format: Format::HuggingFace, graph })
}

#[cfg(test)]
mod tests {
    use super::is_scenario;

    #[test]
    fn scenarios_are_told_by_their_first_character() {
        for text in ["(", "  \n(version: (1, 0))", "// a remark\n(", "/* two\nlines */ (", "\u{feff}("] {
            assert!(is_scenario(text.as_bytes()), "{text}");
        }
        for text in ["", "{\"model_type\": \"gpt2\"}", "# yaml\nmodel:\n", "model: (1)", "\0\0", "[1]"] {
            assert!(!is_scenario(text.as_bytes()), "{text}");
        }
    }
}
