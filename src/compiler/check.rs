//! One judge for every program: inside the fabric, no overlap, enough SRAM, no work on a dead core, nothing missing.

use std::fmt;

use crate::compiler::route::Segment;
use crate::compiler::{Job, KernelId, Mapping, Program, Route, sram};
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
    /// A region lies on a wafer that the row does not have.
    NoSuchWafer { who: String, wafer: u32, wafers: u32 },
    /// The model as a whole does not fit.
    ModelTooLarge { needed: u64, available: u64, ways_out: Vec<String> },
    /// Some kernels found no place.
    Unplaced { kernels: u64, cores_needed: u64, cores_free: u64, ways_out: Vec<String> },
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
            Self::NoSuchWafer { who, wafer, wafers } => {
                write!(f, "{who}: on wafer {wafer} of a row of {wafers}, counted from 0")
            }
            Self::ModelTooLarge { needed, available, ways_out } => {
                let (needed, available) = (format::bytes(*needed), format::bytes(*available));
                write!(f, "the model needs {needed} of SRAM, {available} are there")?;
                write_ways_out(f, ways_out)
            }
            Self::Unplaced { kernels, cores_needed, cores_free, ways_out } => {
                write!(
                    f,
                    "{} kernels found no place: they need {} cores, {} are free",
                    format::grouped(*kernels),
                    format::grouped(*cores_needed),
                    format::grouped(*cores_free),
                )?;
                write_ways_out(f, ways_out)
            }
            Self::ColoursExhausted { who, at: Core { x, y }, needed, available } => {
                write!(f, "{who}: {needed} colours needed in the router at column {x}, row {y}, {available} there")
            }
            Self::Unrouted { from, to, why } => write!(f, "{from} to {to}: no way; {why}"),
            Self::Unsupported { what } => f.write_str(what),
        }
    }
}

fn write_ways_out(f: &mut fmt::Formatter<'_>, ways: &[String]) -> fmt::Result {
    if ways.is_empty() { Ok(()) } else { write!(f, "; ways out: {}", ways.join(", or ")) }
}

impl Violation {
    /// The same violation of `name`, where a single rectangle was judged.
    fn of(mut self, name: String) -> Self {
        if let Self::OffFabric { who, .. } | Self::DeadCores { who, .. } = &mut self {
            *who = name;
        }
        self
    }

    /// The rules, in the order in which the last step counts them.
    pub const RULES: [&'static str; 10] = [
        "inside the fabric",
        "no overlap",
        "SRAM of a core",
        "no dead cores",
        "wafers of the row",
        "SRAM of the row",
        "every kernel placed",
        "supported work",
        "colours of a router",
        "a way for every stream",
    ];

    /// The rule that is broken, one of [`Violation::RULES`].
    pub fn rule(&self) -> &'static str {
        let index = match self {
            Self::OffFabric { .. } => 0,
            Self::Overlap { .. } => 1,
            Self::SramExceeded { .. } => 2,
            Self::DeadCores { .. } => 3,
            Self::NoSuchWafer { .. } => 4,
            Self::ModelTooLarge { .. } => 5,
            Self::Unplaced { .. } => 6,
            Self::Unsupported { .. } => 7,
            Self::ColoursExhausted { .. } => 8,
            Self::Unrouted { .. } => 9,
        };
        Self::RULES[index]
    }
}

/// Judges a whole program.
pub fn check(program: &Program, device: &DeviceSpec, defects: &DefectMap) -> Vec<Violation> {
    let mut found = Vec::new();
    let peaks = sram::peaks(program);
    let available = u64::from(device.sram_bytes_per_core.value);
    let mut overlaps = overlaps(program).into_iter().peekable();
    for (index, region) in program.regions.iter().enumerate() {
        let who = || region_name(program, index as u32);
        let wafers = program.job.wafers();
        if region.wafer >= wafers {
            found.push(Violation::NoSuchWafer { who: who(), wafer: region.wafer, wafers });
        }
        found.extend(check_rect("", region.rect, device, defects).into_iter().map(|violation| violation.of(who())));
        while let Some((_, other, cores)) = overlaps.next_if(|(later, ..)| *later == index) {
            found.push(Violation::Overlap { who: who(), with: region_name(program, other as u32), cores });
        }
        let needed = peaks[index];
        if needed > available {
            found.push(Violation::SramExceeded { who: who(), needed, available });
        }
    }
    found.extend(check_colours(program, device));
    found
}

/// Judges the colours of streams: each has one that routes may use, alone at every router on its way.
fn check_colours(program: &Program, device: &DeviceSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    let available = device.colours.value.saturating_sub(device.colours_reserved.value);
    let name =
        |id: KernelId| program.kernels.get(id.0 as usize).map_or_else(String::new, |kernel| kernel.label.clone());
    let wafer = |id: KernelId| program.regions.get(id.0 as usize).map(|region| region.wafer);
    let unrouted = |route: &Route, why: String| Violation::Unrouted { from: name(route.from), to: name(route.to), why };
    // Who has which colour at which router; readers of one maker share its tree.
    let mut held: Vec<(u32, Core, u32, KernelId, usize)> = Vec::new();
    for (index, route) in program.routes.iter().enumerate() {
        let Some(wafer) = wafer(route.from).filter(|from| wafer(route.to) == Some(*from)) else { continue };
        let Some(colour) = route.colour else {
            found.push(unrouted(route, "no colour is free all along any way that was tried".to_owned()));
            continue;
        };
        let at = route.path.first().map_or(Core { x: 0, y: 0 }, |run| run.0);
        if colour >= available {
            let who = format!("{} to {}", name(route.from), name(route.to));
            found.push(Violation::ColoursExhausted { who, at, needed: colour + 1, available });
        }
        for &(from, to) in &route.path {
            held.extend(Segment { from, to }.routers().map(|core| (wafer, core, colour, route.from, index)));
        }
    }
    held.sort_unstable_by_key(|&(wafer, core, colour, from, index)| (wafer, core.y, core.x, colour, from, index));
    let mut told = Vec::new();
    for pair in held.windows(2) {
        let [(wafer, core, colour, from, _), (other_wafer, other_core, other_colour, other, index)] = *pair else {
            continue;
        };
        let same = (wafer, core, colour) == (other_wafer, other_core, other_colour);
        if same && from != other && !told.contains(&index) && told.len() < CLASHES_TOLD {
            told.push(index);
            let why = format!("colour {colour} belongs to {} at column {}, row {}", name(from), core.x, core.y);
            found.push(unrouted(&program.routes[index], why));
        }
    }
    found
}

/// Clashes of colours that are told of one program; more say nothing new.
const CLASHES_TOLD: usize = 32;

/// Pairs of regions of one wafer that share cores: the later, the earlier, and how many cores; in order.
fn overlaps(program: &Program) -> Vec<(usize, usize, u64)> {
    let regions = &program.regions;
    let mut order: Vec<usize> = (0..regions.len()).collect();
    order.sort_by_key(|&index| (regions[index].wafer, regions[index].rect.x, index));
    let mut pairs = Vec::new();
    for (place, &first) in order.iter().enumerate() {
        let region = &regions[first];
        // Only what begins before this one ends can meet it.
        let near = order[place + 1..].iter().take_while(|&&second| {
            regions[second].wafer == region.wafer && regions[second].rect.x < region.rect.right()
        });
        for &second in near {
            if let Some(shared) = region.rect.intersection(&regions[second].rect) {
                pairs.push((first.max(second), first.min(second), shared.cores()));
            }
        }
    }
    pairs.sort_unstable();
    pairs
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
        Mapping::Pipelined | Mapping::Resident => {
            let holds = |kernel: &&crate::compiler::Kernel| kernel.regions.contains(&region);
            // A kernel and its region have the same number, unless somebody changed the program.
            let same = program.kernels.get(region as usize).filter(holds);
            let kernel = same.or_else(|| program.kernels.iter().find(holds));
            kernel.map_or_else(|| format!("region {region}"), |kernel| kernel.label.clone())
        }
    }
}

/// What would help a model that does not fit, where a row of `wafers` would hold it.
pub fn ways_out(job: &Job, wafers: Option<u32>) -> Vec<String> {
    let mut ways = Vec::new();
    if job.mapping == Mapping::Streaming {
        ways.push("shorter sequences".to_owned());
        return ways;
    }
    ways.push("stream the weights".to_owned());
    match wafers.filter(|&wafers| wafers > job.wafers()) {
        Some(wafers) => ways.push(format!("{wafers} wafers in a row")),
        None => ways.push("shorter sequences".to_owned()),
    }
    ways
}
