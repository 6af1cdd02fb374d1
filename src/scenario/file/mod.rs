//! RON files: one error type, one way to parse under limits, one way to check a version.
//!
//! Each kind of file has a module of its own with its on-disk types and its checks. Readers take bytes; who opens the
//! file is the caller's business.

pub mod device;
pub mod draft;
pub mod published;
pub mod scenario;
pub mod store;

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// Longest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Deepest nesting of brackets that is followed.
const MAX_DEPTH: usize = 48;

/// Longest piece of the user's file that is quoted in an error, in characters.
const MAX_QUOTE: usize = 60;

/// Line and column of a text file, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// Why a file could not be read: where, in which field, and what was expected.
///
/// Reads as one sentence: `my.ron:12:4: clock_run_hz: expected a frequency between .., found -3`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The name that the caller gave, usually the path as the user typed it.
    pub file: String,
    /// Where in the text, when the text itself is wrong.
    pub place: Option<Place>,
    /// Path of the field, such as `published.sram_bytes.value`, when there is one.
    pub field: Option<String>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.file))?;
        if let Some(Place { line, column }) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {}", shortened(field))?;
        }
        // Whatever of the file went into the words, they stay on one line.
        write!(f, ": {}", flat(&self.message, MAX_MESSAGE))
    }
}

impl FileError {
    /// The file as a whole is wrong.
    pub fn whole(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, field: None, message: message.into() }
    }

    /// The value of one field is wrong.
    pub fn field(file: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, field: Some(field.into()), message: message.into() }
    }
}

/// The bytes as text.
///
/// # Errors
/// If there are more than [`MAX_BYTES`], none at all, or they are not UTF-8.
pub fn text<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, FileError> {
    if bytes.len() > MAX_BYTES {
        let found = bytes.len() >> 20;
        return Err(FileError::whole(file, format!("expected at most 64 MiB, found {found} MiB")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        FileError::whole(file, format!("expected text (UTF-8), found other bytes at offset {at}"))
    })?;
    if text.trim().is_empty() {
        return Err(FileError::whole(file, "expected a RON document, found an empty file"));
    }
    Ok(text)
}

/// Parses one RON document under the limits on size and nesting.
///
/// # Errors
/// As [`text`], and whatever RON or the type `T` does not accept, with its place and the path of its field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], file: &str) -> Result<T, FileError> {
    let text = text(bytes, file)?;
    ron::Options::default().with_recursion_limit(MAX_DEPTH).from_str(text).map_err(|error| explain(text, file, &error))
}

/// The `version: (major, minor)` header, read before anything else of the file is looked at.
///
/// # Errors
/// If the header is missing or malformed.
pub fn version(bytes: &[u8], file: &str) -> Result<(u32, u32), FileError> {
    /// The header alone; all other fields are skipped.
    #[derive(Deserialize)]
    struct Header {
        version: (u32, u32),
    }
    Ok(parse::<Header>(bytes, file)?.version)
}

/// The kinds of RON files that a user may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scenario,
    Device,
}

/// Tells the kinds apart by the fields on the outermost level: a device states its fabric, a scenario its job. What
/// neither does counts as a scenario, whose reader says what it misses.
///
/// # Errors
/// As [`parse`]: if the text as a whole is no RON.
pub fn kind(bytes: &[u8], file: &str) -> Result<Kind, FileError> {
    /// Whether each field is there; all others are skipped.
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "is_there")]
        fabric_columns: bool,
        #[serde(default, deserialize_with = "is_there")]
        job: bool,
    }
    fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
        IgnoredAny::deserialize(value).map(|_any| true)
    }
    let Fields { fabric_columns, job } = parse(bytes, file)?;
    Ok(if fabric_columns && !job { Kind::Device } else { Kind::Scenario })
}

/// Refuses any major version but `major`.
///
/// # Errors
/// As [`version`], and if the major version is another. A newer minor version is left to the caller, who gets it.
pub fn check_version(bytes: &[u8], file: &str, major: u32) -> Result<u32, FileError> {
    let (found, minor) = version(bytes, file)?;
    if found == major {
        return Ok(minor);
    }
    let message = format!("expected a file of version {major}, found {found}.{minor}");
    Err(FileError::field(file, "version", message))
}

/// Turns RON's error into ours.
fn explain(text: &str, file: &str, error: &ron::error::SpannedError) -> FileError {
    let start = Place { line: error.span.start.line, column: error.span.start.col };
    let message = shortened(&in_words(&error.code));
    let mut slots = field_at(text, start);
    if matches!(error.code, ron::Error::MissingStructField { .. } | ron::Error::NoSuchStructField { .. }) {
        // The last name is a neighbour of the field in question: what matters is what holds both.
        slots.pop();
    }
    let path: Vec<&str> = slots.into_iter().flatten().collect();
    let field = (!path.is_empty()).then(|| shortened(&path.join(".")));
    FileError { file: file.to_owned(), place: Some(start), field, message }
}

/// The commonest errors of a hand-written file in our form; RON's own words for the rest.
fn in_words(error: &ron::Error) -> String {
    match error {
        ron::Error::NoSuchStructField { expected, found, outer: _ } => {
            format!("found the unknown field {}, expected one of {}", quoted(found), expected.join(", "))
        }
        ron::Error::NoSuchEnumVariant { expected, found, outer: _ } => {
            format!("expected one of {}, found {}", expected.join(", "), quoted(found))
        }
        ron::Error::MissingStructField { field, outer: _ } => format!("expected the field {field}, which is missing"),
        ron::Error::DuplicateStructField { field, outer: _ } => {
            format!("expected the field {field} once, found it twice")
        }
        ron::Error::ExceededRecursionLimit => format!("expected at most {MAX_DEPTH} levels of nesting, found more"),
        ron::Error::ExpectedNamedStructLike(_) | ron::Error::ExpectedStructLike => "expected an opening '('".to_owned(),
        other => {
            // RON writes sentences; ours begins with the name of the file.
            let words = other.to_string();
            let mut chars = words.chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        }
    }
}

/// One line of at most three quotes' length, without control characters: an error must not repeat a hostile file.
fn shortened(message: &str) -> String {
    flat(message, 3 * MAX_QUOTE)
}

/// One line of at most `limit` characters.
fn flat(message: &str, limit: usize) -> String {
    let mut out: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect();
    if message.chars().nth(limit).is_some() {
        out.push('…');
    }
    out
}

/// Longest sentence about a file, in characters.
const MAX_MESSAGE: usize = 1_000;

/// Longest name of a file in a sentence, in characters.
const MAX_NAME: usize = 240;

/// A path as it stands in a sentence: on one line, of a long one the end, and what is no text replaced.
pub fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

fn one_line(name: &str) -> String {
    let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let surplus = name.chars().count().saturating_sub(MAX_NAME);
    let more = if surplus > 0 { "…" } else { "" };
    more.chars().chain(name.chars().skip(surplus).map(plain)).collect()
}

/// A piece of the user's file, cut to a length that fits in a sentence.
pub fn quoted(piece: &str) -> String {
    let cut: String = piece.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_QUOTE).collect();
    let more = if piece.chars().nth(MAX_QUOTE).is_some() { "…" } else { "" };
    format!("\"{cut}{more}\"")
}

/// The field names around `place`, one for each open bracket that has one: `published`, `sram_bytes`, `mark`.
///
/// A light scan, since RON reports lines and columns only: it knows brackets, strings and comments, which is enough to
/// name a field, and never fails.
fn field_at(text: &str, place: Place) -> Vec<Option<&str>> {
    // One slot for each open bracket: the last name before a colon on that level.
    let mut names: Vec<Option<&str>> = Vec::new();
    let mut word: Option<(usize, usize)> = None;
    let (mut line, mut column) = (1, 1);
    let mut chars = text.char_indices().peekable();
    let mut in_string = false;
    while let Some((at, c)) = chars.next() {
        if (line, column) >= (place.line, place.column) {
            break;
        }
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 1);
        }
        if in_string {
            if c == '\\' && chars.next().is_some() {
                column += 1;
            }
            in_string = c != '"';
            continue;
        }
        match c {
            '"' => in_string = true,
            '/' if chars.peek().is_some_and(|&(_, next)| next == '/') => {
                for (_, skipped) in chars.by_ref() {
                    if skipped == '\n' {
                        break;
                    }
                }
                (line, column) = (line + 1, 1);
            }
            '(' | '[' | '{' if names.len() < MAX_DEPTH => names.push(None),
            ')' | ']' | '}' => drop(names.pop()),
            ':' => {
                if let (Some(slot), Some((from, to))) = (names.last_mut(), word) {
                    *slot = text.get(from..to);
                }
            }
            ',' => {
                if let Some(slot) = names.last_mut() {
                    *slot = None;
                }
            }
            _ => {}
        }
        if c.is_alphanumeric() || c == '_' {
            let end = at + c.len_utf8();
            word = match word {
                Some((from, to)) if to == at => Some((from, end)),
                _ => Some((at, end)),
            };
        }
    }
    names
}
