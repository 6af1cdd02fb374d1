//! What routing gives: ways with their colours and reasons, or reasons why there is none.

use std::fmt;

use super::load::{LinkLoads, PeakLink};
use super::path::Segment;
use super::{Fabric, Footprint, Request};
use crate::compiler::Violation;
use crate::hardware::Core;
use crate::units::format;

/// Why a way was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Ways with few bends that were looked at.
    pub ways: u32,
    /// Those of them without a colour that is free all along.
    pub blocked: u32,
    pub bends: u32,
    /// Bytes on its busiest link when it was chosen, its own included.
    pub busiest: u64,
    /// Whether no way with few bends was free and a detour was searched.
    pub detour: bool,
}

/// One lane of a stream: a tree of one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    pub colour: u32,
    /// Its share of the bytes of a micro-batch.
    pub bytes: u64,
    /// Router at the producer's edge.
    pub source: Core,
    /// Routers at the consumers' edges, in the order of [`Request::to`].
    pub sinks: Vec<Core>,
    /// Its straight runs; each begins at a router of an earlier one, the first at the source.
    pub segments: Vec<Segment>,
    /// Links from the source to the last of its readers.
    pub hops: u32,
    pub choice: Choice,
}

/// A stream with its ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    pub trunks: Vec<Trunk>,
}

impl Routed {
    /// Links on the longest of its ways.
    pub fn hops(&self) -> u32 {
        self.trunks.iter().map(|trunk| trunk.hops).max().unwrap_or(0)
    }

    /// Links that it occupies altogether.
    pub fn links(&self) -> u64 {
        let segments = self.trunks.iter().flat_map(|trunk| &trunk.segments);
        segments.map(|segment| u64::from(segment.hops())).sum()
    }

    /// Straight runs of routers, for a map to draw.
    pub fn segments(&self) -> impl Iterator<Item = (Core, Core)> + '_ {
        self.trunks.iter().flat_map(|trunk| &trunk.segments).map(|segment| (segment.from, segment.to))
    }

    /// Why this way, in one clause: `least busy of 9 shortest ways, 1 bend, busiest link 12.0 MB; 2 had no free colour`.
    pub fn because(&self) -> String {
        let choices = || self.trunks.iter().map(|trunk| trunk.choice);
        let (ways, blocked): (u32, u32) =
            choices().fold((0, 0), |(a, b), choice| (a + choice.ways, b + choice.blocked));
        let bends = choices().map(|choice| choice.bends).max().unwrap_or(0);
        let busiest = choices().map(|choice| choice.busiest).max().unwrap_or(0);
        let bends = if bends == 1 { "1 bend".to_owned() } else { format!("{bends} bends") };
        let detour = choices().any(|choice| choice.detour);
        let way = match (detour, ways) {
            (true, _) => "shortest detour found".to_owned(),
            (false, 0 | 1) => "the only shortest way with few bends".to_owned(),
            (false, _) => format!("least busy of {ways} shortest ways"),
        };
        let refused = if blocked > 0 { format!("; {blocked} had no free colour") } else { String::new() };
        format!("{way}, {bends}, busiest link {}{refused}", format::bytes(busiest))
    }
}

/// Why a stream has no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// One of its kernels has no place, or there is no such kernel.
    NotPlaced,
    /// The core at one of its ends is lost or off the fabric.
    Lost { at: Core },
    /// Lost cores, or colours that kernels use inside, close every way that was tried.
    Closed { at: Core },
    /// More streams than colours, counting each unrouted stream on its most direct way.
    Colours { at: Core, needed: u32, available: u32 },
    /// Every router has a free colour and none of them is free along any way that was tried. Counts are those of the
    /// fullest router.
    NoCommonColour { at: Core, needed: u32, available: u32 },
    /// The search ended before it was through; `visits` is how many routers it was given to look at.
    GaveUp { visits: u32 },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotPlaced => f.write_str("one of its kernels has no place"),
            Self::Lost { at } => write!(f, "the core at column {}, row {} is lost", at.x, at.y),
            Self::Closed { at } => write!(
                f,
                "lost cores or the colours inside kernels close every way tried from column {}, row {}",
                at.x, at.y
            ),
            Self::Colours { at, needed, available } => {
                write!(f, "{needed} colours needed in the router at column {}, row {}, {available} there", at.x, at.y)
            }
            Self::NoCommonColour { at, needed, available } => write!(
                f,
                "no colour is free all along any way tried; the fullest router, at column {}, row {}, would need \
                 {needed} of {available}",
                at.x, at.y
            ),
            Self::GaveUp { visits: 0 } => f.write_str("no time was left to search a way; there may be one"),
            Self::GaveUp { visits } => write!(
                f,
                "the search ended after {} routers without a way; there may be one",
                format::grouped(u64::from(visits))
            ),
        }
    }
}

/// What became of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Routed(Routed),
    Unrouted(Why),
}

impl Outcome {
    /// Its ways, if it has them.
    pub fn routed(&self) -> Option<&Routed> {
        match self {
            Self::Routed(routed) => Some(routed),
            Self::Unrouted(_) => None,
        }
    }
}

/// The router with the most colours in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakRouter {
    pub at: Core,
    /// Colours of routes and of the kernel's inside.
    pub used: u32,
    /// Colours that programs may use.
    pub available: u32,
}

/// A stream that got a colour because others gave it up and found another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rip {
    /// The request that had no way.
    pub request: usize,
    pub colour: u32,
    /// The requests that moved.
    pub moved: Vec<usize>,
}

/// The streams of a layout with their ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// One for each request.
    pub routes: Vec<Outcome>,
    /// The busiest link; `None` if nothing moves.
    pub peak_link: Option<PeakLink>,
    /// The fullest router; `None` if no router has a colour in use.
    pub peak_router: Option<PeakRouter>,
    /// What was ripped up, and for whom, in order.
    pub rips: Vec<Rip>,
}

impl Routing {
    /// All lanes of all routed streams with the request that they belong to.
    pub fn trunks(&self) -> impl Iterator<Item = (usize, &Trunk)> {
        let routed = self.routes.iter().enumerate().filter_map(|(request, route)| Some((request, route.routed()?)));
        routed.flat_map(|(request, routed)| routed.trunks.iter().map(move |trunk| (request, trunk)))
    }

    /// Streams without a way.
    pub fn unrouted(&self) -> impl Iterator<Item = (usize, Why)> + '_ {
        self.routes.iter().enumerate().filter_map(|(request, route)| match route {
            Outcome::Routed(_) => None,
            Outcome::Unrouted(why) => Some((request, *why)),
        })
    }

    /// Bytes on every link.
    pub fn loads(&self, fabric: &Fabric) -> LinkLoads {
        let mut loads = LinkLoads::new(fabric);
        for (_, trunk) in self.trunks() {
            for &segment in &trunk.segments {
                loads.add(segment, trunk.bytes);
            }
        }
        loads
    }

    /// Colours in use at every router, row by row: those of routes and those inside kernels.
    pub fn colours(&self, fabric: &Fabric, kernels: &[Footprint]) -> Vec<u8> {
        let mut grid = super::colours::Masks::new(&Fabric { living_columns: Vec::new(), ..fabric.clone() }, kernels);
        for (_, trunk) in self.trunks() {
            for segment in &trunk.segments {
                grid.set(segment.rect(), 1 << trunk.colour);
            }
        }
        let unused = super::colours::beyond(fabric.colours);
        let cores = (0..fabric.rows).flat_map(|y| (0..fabric.columns).map(move |x| Core { x, y }));
        cores.map(|core| (grid.taken(core) & !unused).count_ones() as u8).collect()
    }

    /// What must keep a program with unrouted streams from running; `name` gives the name of a kernel.
    pub fn violations(&self, requests: &[Request], name: impl Fn(usize) -> String) -> Vec<Violation> {
        let end = |end: &super::End| match *end {
            super::End::Kernel { index, .. } => name(index),
            super::End::Core(core) => format!("column {}, row {}", core.x, core.y),
        };
        let found = self.unrouted().filter_map(|(request, why)| {
            let request = requests.get(request)?;
            let from = end(&request.from);
            let to = request.to.iter().map(end).collect::<Vec<_>>().join(", ");
            Some(match why {
                Why::Colours { at, needed, available } => {
                    Violation::ColoursExhausted { who: format!("{from} to {to}"), at, needed, available }
                }
                other => Violation::Unrouted { from, to, why: other.to_string() },
            })
        });
        found.collect()
    }
}
