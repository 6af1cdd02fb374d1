//! The ROUTE pass: streams between kernels as static routes over the wafer's mesh of routers.
//!
//! Given rectangles of cores and the streams between them, [`route`] picks a way and a colour for each stream, says how
//! busy links and routers become, and which streams found none and why. [`Router`] keeps that state, so that one kernel
//! can be moved or tried elsewhere without routing the rest again. [`verify`] judges a result without knowing how it was
//! made. Pure functions: the same input gives the same routes. Time, contention and what happens inside kernels are
//! left to others.
//!
//! # What is modelled
//!
//! * A router has five ports (north, east, south, west, ramp) and a number of colours, of which the host's copies keep
//!   some. A colour has one static route at a router: two routes never share a colour at a router, not even on
//!   different links of it.
//! * A route keeps one colour from end to end and is a tree: each of its routers takes from one neighbour (or from its
//!   core) and hands to any of the others and to its core. Sums on the way (many to one) are not routes of this pass.
//! * Routes of different colours share a link's width: bytes of all routes on a link add up, each direction by itself.
//! * Routes pass over the routers of any living core, those of other kernels included. Colours that a kernel uses
//!   inside its rectangle are taken there; each kernel takes them from the highest number down.
//! * The mesh is the logical one, after repair. Routers of lost cores pass nothing on.
//!
//! # What a stream is here
//!
//! A kernel's result leaves over all rows of an edge, so the honest count would be one lane a row. A stream is modelled
//! as `trunks` lanes, one by default: each joins a router of the producer's edge to one of the consumer's, carries its
//! share of the bytes, and has a colour of its own. Trunk `i` of `k` ends in the middle of the `i`-th of `k` equal
//! shares of the edge, or in a router near by if that one has no colour left. Gathering an edge's rows into its trunks
//! and spreading them again happens inside the kernels, with their own colours, and is not priced here. A single trunk
//! therefore overstates the load of links where a machine would use more rows, and understates the colours it takes;
//! [`Fabric::trunks_for`] says how many trunks a time asks for.
//!
//! # How
//!
//! Short streams first. Each takes the shortest way with at most two bends whose busiest link is least busy, then the
//! fewest bends, and the lowest colour that is free all along it. Streams with several readers grow a tree reader by
//! reader, nearest first, each joined where it is reached earliest and then with the fewest new links: the greedy
//! heuristic for rectilinear Steiner arborescences (Rao, Sadayappan, Hwang and Shor, Algorithmica 7, 1992), so that no
//! reader waits longer than with a stream of its own. Where no such way has a colour, a flood inside a window around
//! the ends finds the colours that connect them, all at once, and a search the shortest way on one of these (A*, Hart,
//! Nilsson and Raphael, 1968). Streams still without a way then take the place of at most three others, if all of these
//! find another one. All searches count the routers that they look at and end with a budget, so that a result never
//! hangs on a clock; a stream whose search ended early is [`Why::GaveUp`].

mod colours;
mod load;
mod maze;
mod outcome;
mod path;
mod router;
mod tree;
mod verify;

pub use load::{LinkLoads, PeakLink};
pub use outcome::{Choice, Outcome, PeakRouter, Rip, Routed, Routing, Trunk, Why};
pub use path::{Segment, distance};
pub use router::{Preview, Router};
pub use verify::{RouteFault, verify};

use crate::hardware::{Core, DefectMap, DeviceSpec, Rect};
use crate::units::Cycles;

/// Most trunks of one stream.
pub const MAX_TRUNKS: u32 = 64;

/// Most bytes of one stream, so that sums stay exact.
pub const MAX_BYTES: u64 = 1 << 48;

/// Offsets from the middle of a trunk's share of an edge at which it may end, in the order in which they are tried.
const PORT_OFFSETS: [i64; 9] = [0, 1, -1, 3, -3, 7, -7, 15, -15];

/// Routes `requests` between `kernels` on an empty fabric.
///
/// Never fails: a stream without a way is an [`Outcome::Unrouted`] with its reason.
pub fn route(fabric: &Fabric, kernels: &[Footprint], requests: &[Request]) -> Routing {
    let mut router = Router::new(fabric, kernels, requests);
    router.route_all();
    router.routing()
}

/// The mesh of routers as routes see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fabric {
    pub columns: u32,
    pub rows: u32,
    /// Colours of a router that programs may use, 1 to 32.
    pub colours: u32,
    /// Bytes that a link carries per cycle, each way.
    pub link_bytes_per_cycle: u32,
    /// For each row, how many of its columns, counted from the west, have a living core. Rows beyond its end are whole.
    pub living_columns: Vec<u32>,
}

impl Fabric {
    /// The fabric of `device` after the repair of `defects`.
    pub fn new(device: &DeviceSpec, defects: &DefectMap) -> Self {
        Self {
            columns: device.fabric_columns.value,
            rows: device.fabric_rows.value,
            colours: device.colours.value.saturating_sub(device.colours_reserved.value).min(32),
            link_bytes_per_cycle: (device.link_bits.value / 8).max(1),
            living_columns: (0..device.fabric_rows.value).map(|y| defects.placed_columns(y)).collect(),
        }
    }

    /// A fabric without defects, with links of one 32-bit wavelet a cycle.
    pub fn whole(columns: u32, rows: u32, colours: u32) -> Self {
        Self { columns, rows, colours: colours.min(32), link_bytes_per_cycle: 4, living_columns: Vec::new() }
    }

    /// How many columns of a row, counted from the west, can be used.
    pub fn living_in(&self, y: u32) -> u32 {
        self.living_columns.get(y as usize).map_or(self.columns, |&living| living.min(self.columns))
    }

    /// Whether `core` is on the fabric and alive.
    pub fn is_living(&self, core: Core) -> bool {
        core.y < self.rows && core.x < self.living_in(core.y)
    }

    /// Time that a link needs for `bytes`, with every cycle used.
    pub fn link_time(&self, bytes: u64) -> Cycles {
        Cycles(bytes.div_ceil(u64::from(self.link_bytes_per_cycle.max(1))))
    }

    /// The fewest trunks over which `bytes` pass within `time`, at most [`MAX_TRUNKS`].
    pub fn trunks_for(&self, bytes: u64, time: Cycles) -> u32 {
        self.link_time(bytes).0.div_ceil(time.0.max(1)).clamp(1, u64::from(MAX_TRUNKS)) as u32
    }
}

/// A kernel as routes see it. A rectangle without cores stands for a kernel that has no place yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    pub rect: Rect,
    /// Colours that it uses inside its rectangle.
    pub colours: u32,
}

/// A side of a rectangle, or a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    West,
    East,
    North,
    South,
}

/// Where a stream begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// On an edge of a kernel, by its index.
    Kernel { index: usize, edge: Edge },
    /// At one core, as a port of the wafer's rim.
    Core(Core),
}

impl End {
    /// The kernel whose edge it is on.
    pub fn kernel(&self) -> Option<usize> {
        match *self {
            Self::Kernel { index, .. } => Some(index),
            Self::Core(_) => None,
        }
    }

    /// All cores where a stream may end here, as a rectangle one core wide or high; `None` without a place.
    pub fn cores(&self, kernels: &[Footprint]) -> Option<Rect> {
        let (index, edge) = match *self {
            Self::Core(core) => return Some(Rect { x: core.x, y: core.y, width: 1, height: 1 }),
            Self::Kernel { index, edge } => (index, edge),
        };
        let rect = kernels.get(index).map(|kernel| kernel.rect).filter(|rect| rect.cores() > 0)?;
        Some(match edge {
            Edge::West => Rect { width: 1, ..rect },
            Edge::East => Rect { x: rect.right() - 1, width: 1, ..rect },
            Edge::North => Rect { height: 1, ..rect },
            Edge::South => Rect { y: rect.bottom() - 1, height: 1, ..rect },
        })
    }

    /// Cores where trunk `part` of `parts` may end, its own place first.
    fn ports(&self, kernels: &[Footprint], part: u32, parts: u32) -> Vec<Core> {
        let Some(rect) = self.cores(kernels) else { return Vec::new() };
        let length = i64::from(rect.width.max(rect.height));
        let own = (2 * i64::from(part) + 1) * length / (2 * i64::from(parts.max(1)));
        let at = |along: i64| {
            let along = along as u32;
            if rect.height > 1 {
                Core { x: rect.x, y: rect.y.saturating_add(along) }
            } else {
                Core { x: rect.x.saturating_add(along), y: rect.y }
            }
        };
        PORT_OFFSETS.iter().map(|by| own + by).filter(|along| (0..length).contains(along)).map(at).collect()
    }
}

/// A stream that wants a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub from: End,
    /// Its readers; several share one tree.
    pub to: Vec<End>,
    /// Bytes of one micro-batch, at most [`MAX_BYTES`]; more counts as that.
    pub bytes: u64,
    /// Parallel lanes that share the bytes, at most [`MAX_TRUNKS`] and one a core of each edge; zero counts as one.
    pub trunks: u32,
}

impl Request {
    /// Lanes that it really has between these kernels.
    pub fn parts(&self, kernels: &[Footprint]) -> u32 {
        let ends = std::iter::once(&self.from).chain(&self.to);
        let edges = ends.filter(|end| end.kernel().is_some()).filter_map(|end| end.cores(kernels));
        let narrowest = edges.map(|rect| rect.width.max(rect.height)).min().unwrap_or(MAX_TRUNKS);
        self.trunks.min(MAX_TRUNKS).min(narrowest).max(1)
    }

    /// Bytes of lane `part` of `parts`.
    pub fn share(&self, part: u32, parts: u32) -> u64 {
        let (bytes, parts) = (self.bytes.min(MAX_BYTES), u64::from(parts.max(1)));
        bytes / parts + u64::from(u64::from(part) < bytes % parts)
    }

    /// Whether it begins or ends at kernel `index`.
    fn touches(&self, index: usize) -> bool {
        std::iter::once(&self.from).chain(&self.to).any(|end| end.kernel() == Some(index))
    }
}
