//! Published measurements on wafers (`assets/published/wafers.ron`), typed so that a ruler can be asked for each.
//!
//! A row says what was measured, in whose text, and the value in the unit of that text. What a ruler makes of a row is
//! `lab::accuracy`'s business.

use serde::Deserialize;

use super::{FileError, check_version, parse, quoted};

/// Major version of the format that this program reads.
const MAJOR: u32 = 1;

/// All measurements that the program carries.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    #[serde(rename = "version")]
    _version: (u32, u32),
    pub sources: Vec<Source>,
    pub groups: Vec<Group>,
}

/// A text that rows are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Short name that rows refer to.
    pub name: String,
    pub text: String,
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    /// The clock with which the source turned cycles into time; the device's own where it is not given.
    #[serde(default)]
    pub clock_ghz: Option<f64>,
    /// Whether its rows take part in the fit of the kernel prices.
    pub fitted: bool,
    pub rows: Vec<Row>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub id: String,
    pub value: f64,
    pub unit: String,
    /// How the source means the value.
    #[serde(default)]
    pub bound: Bound,
    /// Name of the source.
    pub source: String,
    /// Table or section, and what the row takes for granted beyond its source.
    #[serde(default)]
    pub place: String,
    pub subject: Subject,
}

/// Whether a published value is met or kept to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Bound {
    #[default]
    Exactly,
    AtMost,
    AtLeast,
}

/// What was measured. Grids are sides of squares in cores.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Subject {
    /// Tokens per second of one request, all layers one after the other on one grid (WSE-2).
    Decode { model: String, grid: u32, context: u64 },
    /// Tokens per second of one prompt (WSE-2).
    Prefill { model: String, grid: u32, prompt: u64 },
    /// Output tokens over the whole time (WSE-2).
    Request { model: String, prefill_grid: u32, decode_grid: u32, prompt: u64, output: u64 },
    /// Longest context on a WSE-2, with keys and values shifting or appended to one row.
    Context { model: String, grid: u32, shifting: bool },
    /// Time of a square matrix-vector product (WSE-2).
    Gemv { size: u64, grid: u32 },
    /// How much faster it is than with a reduction along one chain.
    GemvSpeedup { size: u64, grid: u32 },
    /// Energy of so many A100 in the given time over that of the wafer.
    GemvEnergyRatio { size: u64, grid: u32, gpus: u64, gpu_milliseconds: f64 },
    /// Share of the peak of multiply-adds in a square product (WSE-2).
    GemmEfficiency { size: u64, grid: u32 },
    /// `[m × k] · [k × n]` on a grid of a WSE-3 with the multiply-adds of each step done so many times.
    MeshGemm { grid: u32, m: u64, k: u64, n: u64, multiplies: u32 },
    /// Reduction of fp32 words along cores in groups (WSE-2).
    TwoPhaseReduce { cores: u64, group: u64, words: u64 },
    /// All-reduce of one value over a wafer (WSE-1).
    ScalarAllReduce { columns: u32, rows: u32 },
    /// fp32 product of a resident `n × k` with `m` vectors that stream (WSE-2).
    StreamingGemm { columns: u64, rows: u64, n: u64, k: u64, m: u64 },
    /// Iterations on a square of cells a core (WSE-3).
    Stencil { pattern: Pattern, radius: u64, side: u64, iterations: u64 },
    /// One iteration with one cell a core (WSE-2).
    OneCellStencil { radius: u64 },
    /// Iterations of a three-dimensional star with a column of cells a core (WSE-2).
    ColumnStencil { radius: u64, cells: u64, iterations: u64, cores: u64 },
    /// The same in operations per second, two for each tap.
    ColumnStencilRate { radius: u64, cells: u64, cores: u64 },
    /// Tokens per second of one user with a region for each layer (WSE-3).
    Service { model: String, systems: u64, context: u64 },
    /// Sequences per second of training by weight streaming on one system.
    Train { model: String, device: String, batch: u64, sequence: u64 },
    /// Operations of a training run.
    TrainingCompute { model: String, tokens: f64 },
    /// What no ruler here can be asked for.
    Unpredicted { what: String, why: String },
}

/// Neighbours that a stencil reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Pattern {
    Star,
    Square,
}

impl Published {
    /// The text behind the name of a source; empty if there is none.
    pub fn source(&self, name: &str) -> &str {
        self.sources.iter().find(|source| source.name == name).map_or("", |source| source.text.as_str())
    }
}

/// The measurements that come with the program.
///
/// # Errors
/// If the embedded file cannot be read, which the tests rule out.
pub fn builtin() -> Result<Published, FileError> {
    read(include_bytes!("../../../assets/published/wafers.ron"), "wafers.ron")
}

/// Reads a file of measurements.
///
/// # Errors
/// One sentence that names the file, the place or the row, and what was expected.
pub fn read(bytes: &[u8], file: &str) -> Result<Published, FileError> {
    check_version(bytes, file, MAJOR)?;
    let published: Published = parse(bytes, file)?;
    for row in published.groups.iter().flat_map(|group| &group.rows) {
        if !(row.value.is_finite() && row.value > 0.0) {
            return Err(FileError::field(file, &row.id, format!("expected a value above 0, found {}", row.value)));
        }
        if published.source(&row.source).is_empty() {
            return Err(FileError::field(
                file,
                &row.id,
                format!("expected a source of the list, found {}", quoted(&row.source)),
            ));
        }
    }
    Ok(published)
}
