//! One judge for every program: inside the fabric, no overlap, enough SRAM, no work on a dead core, nothing missing.

use std::fmt;

use crate::compiler::{Job, Mapping, Program, sram};
use crate::hardware::{Core, DefectMap, DeviceSpec, Rect};
use crate::units::format;

/// Why a program must not run, with the needed and the available amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A region leaves the fabric.
    OffFabric { who: String, columns: u32, rows: u32 },
    /// Two regions claim the same cores.
    Overlap { who: String, with: String, cores: u64 },
    /// A core would need more SRAM than it has.
    SramExceeded { who: String, needed: u64, available: u64 },
    /// Cores of a region are dead and could not be replaced.
    DeadCores { who: String, cores: u64 },
    /// The model as a whole does not fit.
    ModelTooLarge { needed: u64, available: u64, ways_out: Vec<String> },
    /// Some kernels found no place.
    Unplaced { kernels: u64, cores_needed: u64, cores_free: u64 },
    /// More streams pass a router than it has colours.
    ColoursExhausted { who: String, at: Core, needed: u32, available: u32 },
    /// A stream found no way over the fabric.
    Unrouted { from: String, to: String, why: String },
    /// The task is one that this mapping cannot do.
    Unsupported { what: String },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffFabric { who, columns: 0, rows } => write!(f, "{who}: off the wafer by {rows} rows"),
            Self::OffFabric { who, columns, rows: 0 } => write!(f, "{who}: off the wafer by {columns} columns"),
            Self::OffFabric { who, columns, rows } => {
                write!(f, "{who}: off the wafer by {columns} columns and {rows} rows")
            }
            Self::Overlap { who, with, cores } => {
                write!(f, "{who} overlaps {with} by {} cores", format::grouped(*cores))
            }
            Self::SramExceeded { who, needed, available } => write!(
                f,
                "{who}: SRAM {} of {} KiB per core, {} over",
                format::kib(*needed),
                format::kib(*available),
                format::percent(*needed as f64 / (*available).max(1) as f64 - 1.0),
            ),
            Self::DeadCores { who, cores } => {
                write!(f, "{who}: {} dead cores here that no spare replaces", format::grouped(*cores))
            }
            Self::ModelTooLarge { needed, available, ways_out } => {
                write!(
                    f,
                    "the model needs {} of SRAM, the wafer holds {}",
                    format::bytes(*needed),
                    format::bytes(*available)
                )?;
                if !ways_out.is_empty() {
                    write!(f, "; ways out: {}", ways_out.join(", or "))?;
                }
                Ok(())
            }
            Self::Unplaced { kernels, cores_needed, cores_free } => write!(
                f,
                "{} kernels found no place: they need {} cores, {} are free",
                format::grouped(*kernels),
                format::grouped(*cores_needed),
                format::grouped(*cores_free),
            ),
            Self::ColoursExhausted { who, at: Core { x, y }, needed, available } => {
                write!(f, "{who}: {needed} colours needed in the router at column {x}, row {y}, {available} there")
            }
            Self::Unrouted { from, to, why } => write!(f, "{from} to {to}: no way; {why}"),
            Self::Unsupported { what } => f.write_str(what),
        }
    }
}

/// Judges a whole program.
pub fn check(program: &Program, device: &DeviceSpec, defects: &DefectMap) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, region) in program.regions.iter().enumerate() {
        let who = region_name(program, index as u32);
        found.extend(check_rect(&who, region.rect, device, defects));
        for (other, earlier) in program.regions[..index].iter().enumerate() {
            if let Some(shared) = region.rect.intersection(&earlier.rect) {
                let with = region_name(program, other as u32);
                found.push(Violation::Overlap { who: who.clone(), with, cores: shared.cores() });
            }
        }
        let needed = sram::peak(program, index as u32).tally.total();
        let available = u64::from(device.sram_bytes_per_core.value);
        if needed > available {
            found.push(Violation::SramExceeded { who, needed, available });
        }
    }
    found
}

/// Judges one rectangle by itself: inside the fabric and on living cores.
pub fn check_rect(who: &str, rect: Rect, device: &DeviceSpec, defects: &DefectMap) -> Vec<Violation> {
    let mut found = Vec::new();
    let columns = rect.right().saturating_sub(device.fabric_columns.value);
    let rows = rect.bottom().saturating_sub(device.fabric_rows.value);
    if columns > 0 || rows > 0 {
        found.push(Violation::OffFabric { who: who.to_owned(), columns, rows });
        return found;
    }
    if defects.lost_count() > 0 {
        let lost = |y| u64::from(rect.right().saturating_sub(defects.placed_columns(y)).min(rect.width));
        let dead: u64 = (rect.y..rect.bottom()).map(lost).sum();
        if dead > 0 {
            found.push(Violation::DeadCores { who: who.to_owned(), cores: dead });
        }
    }
    found
}

/// What a reader calls a region: its kernel, or its lane where kernels take turns.
pub fn region_name(program: &Program, region: u32) -> String {
    match program.job.mapping {
        Mapping::Streaming => format!("lane {region}"),
        Mapping::Resident => program
            .kernels
            .iter()
            .find(|kernel| kernel.regions.contains(&region))
            .map_or_else(|| format!("region {region}"), |kernel| kernel.label.clone()),
    }
}

/// What would help a model that needs `needed` bytes of a wafer with `available`.
pub fn ways_out(job: &Job, needed: u64, available: u64) -> Vec<String> {
    let mut ways = Vec::new();
    if job.mapping == Mapping::Resident {
        ways.push("stream the weights".to_owned());
        ways.push(format!("{} wafers in a row", needed.div_ceil(available.max(1)).max(2)));
        if needed / 2 <= available {
            ways.push("8-bit weights".to_owned());
        }
    } else {
        ways.push("shorter sequences".to_owned());
    }
    ways
}
