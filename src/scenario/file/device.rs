//! Device files: the figures of one wafer and its system, each with unit, mark and source.
//!
//! The shipped ones are in `assets/devices/` and embedded in the program; a user's own loads the same way. What is read
//! here is within sane bounds, so that the layers below need no checks of their own.

use std::ops::RangeInclusive;

use ron::Value;
use serde::Deserialize;

use super::{FileError, check_version, parse, quoted};
use crate::hardware::spec::PublishedTotals;
use crate::hardware::{DeviceSpec, Mark, Sourced};

/// Names of the shipped devices: wafers, newest first, then the grid of the placement benchmark.
pub const BUILTIN: [&str; 4] = ["wse3", "wse2", "wse1", "ispd-2020"];

/// Major version of the format that this program reads.
const MAJOR: u32 = 1;

/// Largest side of fabric or physical array in cores: the map is one texture, and 2 048 is the smallest limit on its
/// side among the graphics drivers that the window supports.
const MAX_SIDE: u32 = 2048;

/// Most colours of a router: one bit each in the words of `compiler::route`, as in the five-bit tag of a wavelet.
const MAX_COLOURS: u32 = 32;

/// Most cores that a wafer may have.
const MAX_CORES: u64 = 4_000_000;

/// Longest text that a field may hold, in characters.
const MAX_TEXT: usize = 1000;

/// The device file called `name`, one of [`BUILTIN`].
pub fn builtin(name: &str) -> Option<DeviceSpec> {
    let text = match name {
        "wse1" => include_str!("../../../assets/devices/wse1.ron"),
        "wse2" => include_str!("../../../assets/devices/wse2.ron"),
        "wse3" => include_str!("../../../assets/devices/wse3.ron"),
        "ispd-2020" => include_str!("../../../assets/devices/ispd-2020.ron"),
        _ => return None,
    };
    // A test reads all of them: an embedded file that fails never leaves the workshop.
    read(text.as_bytes(), name).ok()
}

/// Reads a device file.
///
/// # Errors
/// One sentence that names the file, the place or the field, what was expected and what was found.
pub fn read(text: &[u8], file_name: &str) -> Result<DeviceSpec, FileError> {
    check_version(text, file_name, MAJOR)?;
    let file: DeviceFile = parse(text, file_name)?;
    let spec = convert(file, &Checks { file: file_name })?;
    check_geometry(&spec, file_name)?;
    Ok(spec)
}

/// [`DeviceSpec`] as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFile {
    #[serde(rename = "version")]
    _version: (u32, u32),
    name: String,
    title: String,
    system: String,
    wafer_side_mm: Entry,
    die_columns: Entry,
    die_rows: Entry,
    die_core_columns: Entry,
    die_core_rows: Entry,
    fabric_columns: Entry,
    fabric_rows: Entry,
    cores_marketed: Entry,
    sram_bytes_per_core: Entry,
    sram_banks: Entry,
    sram_read_bytes_per_cycle: Entry,
    sram_write_bytes_per_cycle: Entry,
    cache_bytes_per_core: Entry,
    simd_fp16_lanes: Entry,
    fmac_fp16_per_cycle: Entry,
    fmac_fp32_per_cycle: Entry,
    clock_run_hz: Entry,
    clock_spec_hz: Entry,
    router_ports: Entry,
    link_bits: Entry,
    hop_cycles: Entry,
    ramp_cycles: Entry,
    colours: Entry,
    colours_reserved: Entry,
    input_queues: Entry,
    output_queues: Entry,
    io_bytes_per_second: Entry,
    io_ports: Entry,
    system_power_w: Entry,
    vector_issue_cycles: Entry,
    loop_setup_cycles: Entry,
    elementwise_cycles: Entry,
    softmax_cycles: Entry,
    code_bytes_per_core: Entry,
    // Files of before had no say in these.
    #[serde(default, deserialize_with = "present")]
    staging_bytes_per_core: Option<Entry>,
    #[serde(default, deserialize_with = "present")]
    held_weight_bytes_per_core: Option<Entry>,
    #[serde(default, deserialize_with = "present")]
    attention_key_block: Option<Entry>,
    #[serde(default, deserialize_with = "present")]
    wafer_link_seconds: Option<Entry>,
    published: PublishedFile,
}

/// [`PublishedTotals`] as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedFile {
    sram_bytes: Entry,
    sram_bytes_per_second: Entry,
    fabric_bits_per_second: Entry,
    dense_flops: Option<Entry>,
    sparse_flops: Option<Entry>,
}

/// A value with its origin. The value is read as anything at all, so that a wrong one can be named by its field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    value: Value,
    unit: String,
    mark: MarkFile,
    source: String,
}

/// [`Mark`] as it is written.
#[derive(Deserialize)]
enum MarkFile {
    Published,
    SecondHand,
    Derived,
    Fitted,
    Assumed,
}

impl From<MarkFile> for Mark {
    fn from(mark: MarkFile) -> Self {
        match mark {
            MarkFile::Published => Self::Published,
            MarkFile::SecondHand => Self::SecondHand,
            MarkFile::Derived => Self::Derived,
            MarkFile::Fitted => Self::Fitted,
            MarkFile::Assumed => Self::Assumed,
        }
    }
}

/// A field that may be missing, written like any other where it is not.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Entry>, D::Error> {
    Entry::deserialize(deserializer).map(Some)
}

/// A value that the file leaves out: that of the shipped devices.
fn taken_over(value: f64, unit: &str) -> Entry {
    let source = "Not in the file: taken over from the devices that come with the program".to_owned();
    Entry { value: Value::Number(value.into()), unit: unit.to_owned(), mark: MarkFile::Assumed, source }
}

/// Turns what was written into what the layers below use, checking each value on its own.
fn convert(file: DeviceFile, check: &Checks<'_>) -> Result<DeviceSpec, FileError> {
    let cycles = 0.0..=100_000.0;
    Ok(DeviceSpec {
        name: check.name(file.name)?,
        title: check.text("title", file.title)?,
        system: check.text("system", file.system)?,
        wafer_side_mm: check.real("wafer_side_mm", file.wafer_side_mm, "mm", 1.0..=1000.0)?,
        die_columns: check.whole("die_columns", file.die_columns, "dies", 1..=MAX_SIDE)?,
        die_rows: check.whole("die_rows", file.die_rows, "dies", 1..=MAX_SIDE)?,
        die_core_columns: check.whole("die_core_columns", file.die_core_columns, "cores", 1..=MAX_SIDE)?,
        die_core_rows: check.whole("die_core_rows", file.die_core_rows, "cores", 1..=MAX_SIDE)?,
        fabric_columns: check.whole("fabric_columns", file.fabric_columns, "cores", 1..=MAX_SIDE)?,
        fabric_rows: check.whole("fabric_rows", file.fabric_rows, "cores", 1..=MAX_SIDE)?,
        cores_marketed: check.count("cores_marketed", file.cores_marketed, "cores", 1..=1_000_000_000)?,
        sram_bytes_per_core: check.whole("sram_bytes_per_core", file.sram_bytes_per_core, "B", 1 << 10..=16 << 20)?,
        sram_banks: check.whole("sram_banks", file.sram_banks, "banks", 1..=1024)?,
        sram_read_bytes_per_cycle: check.port("sram_read_bytes_per_cycle", file.sram_read_bytes_per_cycle)?,
        sram_write_bytes_per_cycle: check.port("sram_write_bytes_per_cycle", file.sram_write_bytes_per_cycle)?,
        cache_bytes_per_core: check.whole("cache_bytes_per_core", file.cache_bytes_per_core, "B", 0..=16 << 20)?,
        simd_fp16_lanes: check.whole("simd_fp16_lanes", file.simd_fp16_lanes, "lanes", 1..=1024)?,
        fmac_fp16_per_cycle: check.whole("fmac_fp16_per_cycle", file.fmac_fp16_per_cycle, "FMAC/cycle", 1..=1024)?,
        fmac_fp32_per_cycle: check.whole("fmac_fp32_per_cycle", file.fmac_fp32_per_cycle, "FMAC/cycle", 1..=1024)?,
        clock_run_hz: check.clock("clock_run_hz", file.clock_run_hz)?,
        clock_spec_hz: check.clock("clock_spec_hz", file.clock_spec_hz)?,
        router_ports: check.whole("router_ports", file.router_ports, "ports", 1..=64)?,
        link_bits: check.whole("link_bits", file.link_bits, "bit/cycle", 1..=65_536)?,
        hop_cycles: check.whole("hop_cycles", file.hop_cycles, "cycles", 1..=1000)?,
        ramp_cycles: check.whole("ramp_cycles", file.ramp_cycles, "cycles", 0..=1000)?,
        colours: check.whole("colours", file.colours, "colours", 1..=MAX_COLOURS)?,
        colours_reserved: check.whole("colours_reserved", file.colours_reserved, "colours", 0..=MAX_COLOURS)?,
        input_queues: check.whole("input_queues", file.input_queues, "queues", 1..=1024)?,
        output_queues: check.whole("output_queues", file.output_queues, "queues", 1..=1024)?,
        io_ports: check.whole("io_ports", file.io_ports, "ports", 1..=4096)?,
        io_bytes_per_second: check.real("io_bytes_per_second", file.io_bytes_per_second, "B/s", 1e3..=1e18)?,
        system_power_w: check.real("system_power_w", file.system_power_w, "W", 1.0..=1e9)?,
        vector_issue_cycles: check.real("vector_issue_cycles", file.vector_issue_cycles, "cycles", cycles.clone())?,
        loop_setup_cycles: check.real("loop_setup_cycles", file.loop_setup_cycles, "cycles", cycles.clone())?,
        elementwise_cycles: check.real("elementwise_cycles", file.elementwise_cycles, "core-cycles", cycles.clone())?,
        softmax_cycles: check.real("softmax_cycles", file.softmax_cycles, "core-cycles", cycles)?,
        code_bytes_per_core: check.whole("code_bytes_per_core", file.code_bytes_per_core, "B", 0..=16 << 20)?,
        staging_bytes_per_core: check.whole(
            "staging_bytes_per_core",
            file.staging_bytes_per_core.unwrap_or_else(|| taken_over(1_024.0, "B")),
            "B",
            0..=16 << 20,
        )?,
        held_weight_bytes_per_core: check.whole(
            "held_weight_bytes_per_core",
            file.held_weight_bytes_per_core.unwrap_or_else(|| taken_over(4_096.0, "B")),
            "B",
            0..=16 << 20,
        )?,
        attention_key_block: check.whole(
            "attention_key_block",
            file.attention_key_block.unwrap_or_else(|| taken_over(1_024.0, "keys")),
            "keys",
            1..=1 << 20,
        )?,
        wafer_link_seconds: check.real(
            "wafer_link_seconds",
            file.wafer_link_seconds.unwrap_or_else(|| taken_over(5e-6, "s")),
            "s",
            0.0..=1.0,
        )?,
        published: convert_published(file.published, check)?,
    })
}

fn convert_published(file: PublishedFile, check: &Checks<'_>) -> Result<PublishedTotals, FileError> {
    let total = |name, entry, unit| check.real(name, entry, unit, 1.0..=1e24);
    let flops = |name, entry: Option<Entry>| entry.map(|entry| total(name, entry, "FLOP/s")).transpose();
    Ok(PublishedTotals {
        sram_bytes: total("published.sram_bytes", file.sram_bytes, "B")?,
        sram_bytes_per_second: total("published.sram_bytes_per_second", file.sram_bytes_per_second, "B/s")?,
        fabric_bits_per_second: total("published.fabric_bits_per_second", file.fabric_bits_per_second, "bit/s")?,
        dense_flops: flops("published.dense_flops", file.dense_flops)?,
        sparse_flops: flops("published.sparse_flops", file.sparse_flops)?,
    })
}

/// What values of a device must agree on with each other.
fn check_geometry(spec: &DeviceSpec, file: &str) -> Result<(), FileError> {
    let sides = [
        ("fabric_columns", "columns", &spec.fabric_columns, &spec.die_columns, &spec.die_core_columns),
        ("fabric_rows", "rows", &spec.fabric_rows, &spec.die_rows, &spec.die_core_rows),
    ];
    for (field, word, fabric, dies, die_cores) in sides {
        let made = dies.value * die_cores.value;
        if made > MAX_SIDE {
            let message = format!(
                "expected at most {MAX_SIDE} physical {word}, found {} dies of {}",
                dies.value, die_cores.value
            );
            return Err(FileError::field(file, format!("die_core_{word}"), message));
        }
        if !(dies.value..=made).contains(&fabric.value) {
            let message = format!(
                "expected between {} (one a die) and {made} (all that {} dies of {} have) {word}, found {}",
                dies.value, dies.value, die_cores.value, fabric.value
            );
            return Err(FileError::field(file, field, message));
        }
    }
    if spec.physical_cores() > MAX_CORES {
        let message =
            format!("expected at most {MAX_CORES} physical cores on the wafer, found {}", spec.physical_cores());
        return Err(FileError::field(file, "die_core_columns", message));
    }
    let (code, sram) = (spec.code_bytes_per_core.value, spec.sram_bytes_per_core.value);
    if code >= sram {
        let message = format!("expected less than sram_bytes_per_core, {sram} B, found {code} B");
        return Err(FileError::field(file, "code_bytes_per_core", message));
    }
    let (reserved, colours) = (spec.colours_reserved.value, spec.colours.value);
    if reserved >= colours {
        let message = format!("expected less than colours, {colours}, found {reserved}");
        return Err(FileError::field(file, "colours_reserved", message));
    }
    Ok(())
}

/// Checks of single values; each failure names the file and the field.
struct Checks<'a> {
    file: &'a str,
}

impl Checks<'_> {
    /// A name that can be typed: letters, digits, `-`, `_` and `.`.
    fn name(&self, name: String) -> Result<String, FileError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if (1..=64).contains(&name.len()) && name.chars().all(plain) {
            return Ok(name);
        }
        let message = format!("expected 1 to 64 letters, digits, '-', '_' or '.', found {}", quoted(&name));
        Err(FileError::field(self.file, "name", message))
    }

    /// A text of one line that says something.
    fn text(&self, field: &str, text: String) -> Result<String, FileError> {
        let length = text.chars().count();
        if !text.trim().is_empty() && length <= MAX_TEXT && !text.contains(char::is_control) {
            return Ok(text);
        }
        let message = format!("expected a text of one line, 1 to {MAX_TEXT} characters, found {}", quoted(&text));
        Err(FileError::field(self.file, field, message))
    }

    /// A finite number in `range`, in `unit` and with a source; `what` describes the range in an error.
    fn number(&self, field: &str, entry: Entry, unit: &str, what: &str, ok: impl Fn(f64) -> bool) -> SourcedResult {
        let Entry { value, unit: found_unit, mark, source } = entry;
        let found = match value {
            Value::Number(number) => number.into_f64(),
            other => {
                let message = format!("expected {what}, found {}", kind(&other));
                return Err(FileError::field(self.file, field, message));
            }
        };
        if !found.is_finite() || !ok(found) {
            return Err(FileError::field(self.file, field, format!("expected {what}, found {found}")));
        }
        if found_unit != unit {
            let message = format!("expected the unit \"{unit}\", found {}", quoted(&found_unit));
            return Err(FileError::field(self.file, format!("{field}.unit"), message));
        }
        let source = self.text(&format!("{field}.source"), source)?;
        Ok(Sourced { value: found, unit: found_unit, mark: mark.into(), source })
    }

    fn real(&self, field: &str, entry: Entry, unit: &str, range: RangeInclusive<f64>) -> SourcedResult {
        let what = format!("a number between {} and {} {unit}", range.start(), range.end());
        self.number(field, entry, unit, &what, |value| range.contains(&value))
    }

    fn clock(&self, field: &str, entry: Entry) -> SourcedResult {
        let what = "a frequency between 1 MHz and 10 GHz";
        self.number(field, entry, "Hz", what, |value| (1e6..=1e10).contains(&value))
    }

    fn count(
        &self,
        field: &str,
        entry: Entry,
        unit: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Sourced<u64>, FileError> {
        let Sourced { value, unit, mark, source } = self.whole(field, entry, unit, range)?;
        Ok(Sourced { value: u64::from(value), unit, mark, source })
    }

    fn port(&self, field: &str, entry: Entry) -> Result<Sourced<u32>, FileError> {
        self.whole(field, entry, "B/cycle", 1..=65_536)
    }

    fn whole(
        &self,
        field: &str,
        entry: Entry,
        unit: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Sourced<u32>, FileError> {
        let what = format!("a whole number between {} and {} {unit}", range.start(), range.end());
        let inside =
            |value: f64| value.fract() == 0.0 && (f64::from(*range.start())..=f64::from(*range.end())).contains(&value);
        let Sourced { value, unit, mark, source } = self.number(field, entry, unit, &what, inside)?;
        Ok(Sourced { value: value as u32, unit, mark, source })
    }
}

/// A checked number, or the sentence that says why it is not one.
type SourcedResult = Result<Sourced<f64>, FileError>;

/// What a RON value is, for an error.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a truth value",
        Value::Char(_) => "a character",
        Value::Map(_) => "a map",
        Value::Number(_) => "a number",
        Value::Option(_) => "an option",
        Value::String(_) => "a text",
        Value::Bytes(_) => "bytes",
        Value::Seq(_) => "a list",
        Value::Unit => "nothing",
    }
}
