//! A judge of finished routings that knows nothing of how they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{End, Fabric, Footprint, Outcome, PeakLink, Request, Routed, Routing, Trunk};
use crate::hardware::Core;

/// What is wrong with a routing. `request` is the index of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// There are not as many results as requests.
    Count { routes: usize, requests: usize },
    /// A stream has more or fewer lanes than its edges and its request ask for.
    Lanes { request: usize, found: usize, expected: u32 },
    /// A colour that routes may not use at all.
    NoSuchColour { request: usize, colour: u32 },
    /// A straight run that is none, or that has no length.
    Bent { request: usize, from: Core, to: Core },
    /// A router that is off the fabric or belongs to a lost core.
    NotThere { request: usize, at: Core },
    /// A run that begins where the route has not been, so that nothing arrives there.
    Torn { request: usize, at: Core },
    /// A router that the route enters twice.
    Loop { request: usize, at: Core },
    /// A run that ends at no reader and has no other behind it.
    LooseEnd { request: usize, at: Core },
    /// An end that is not on the edge where it should be.
    WrongEnd { request: usize, at: Core },
    /// A reader that the route does not reach.
    NotReached { request: usize, at: Core },
    /// A colour that another stream has at the same router.
    ColourTwice { request: usize, with: usize, at: Core, colour: u32 },
    /// A colour that the kernel at this router uses inside.
    ColourInside { request: usize, kernel: usize, at: Core, colour: u32 },
    /// Hops that differ from those counted along the way.
    Hops { request: usize, stated: u32, counted: u32 },
    /// Lanes whose bytes are not those of the stream.
    Bytes { request: usize, stated: u64, expected: u64 },
    /// The stated busiest link is not the busiest.
    PeakLink { stated: Option<u64>, counted: Option<u64> },
    /// The stated fullest router is not the fullest.
    PeakRouter { stated: Option<u32>, counted: Option<u32> },
}

impl fmt::Display for RouteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |core: &Core| format!("column {}, row {}", core.x, core.y);
        match self {
            Self::Count { routes, requests } => write!(f, "{routes} routes for {requests} streams"),
            Self::Lanes { request, found, expected } => write!(f, "stream {request}: {found} lanes of {expected}"),
            Self::NoSuchColour { request, colour } => write!(f, "stream {request}: no colour {colour} for routes"),
            Self::Bent { request, from, to } => {
                write!(f, "stream {request}: no straight run from {} to {}", place(from), place(to))
            }
            Self::NotThere { request, at } => write!(f, "stream {request}: no living core at {}", place(at)),
            Self::Torn { request, at } => write!(f, "stream {request}: nothing arrives at {}", place(at)),
            Self::Loop { request, at } => write!(f, "stream {request}: comes twice to {}", place(at)),
            Self::LooseEnd { request, at } => write!(f, "stream {request}: ends at {} for nobody", place(at)),
            Self::WrongEnd { request, at } => write!(f, "stream {request}: {} is not on its edge", place(at)),
            Self::NotReached { request, at } => write!(f, "stream {request}: does not reach {}", place(at)),
            Self::ColourTwice { request, with, at, colour } => {
                write!(f, "streams {request} and {with}: both on colour {colour} at {}", place(at))
            }
            Self::ColourInside { request, kernel, at, colour } => {
                write!(f, "stream {request}: kernel {kernel} has colour {colour} at {}", place(at))
            }
            Self::Hops { request, stated, counted } => {
                write!(f, "stream {request}: {stated} hops stated, {counted} counted")
            }
            Self::Bytes { request, stated, expected } => {
                write!(f, "stream {request}: {stated} bytes on its lanes, {expected} to carry")
            }
            Self::PeakLink { stated, counted } => {
                write!(f, "busiest link: {stated:?} bytes stated, {counted:?} counted")
            }
            Self::PeakRouter { stated, counted } => {
                write!(f, "fullest router: {stated:?} colours stated, {counted:?} counted")
            }
        }
    }
}

/// Walks every route router by router; empty for a sound routing.
pub fn verify(fabric: &Fabric, kernels: &[Footprint], requests: &[Request], routing: &Routing) -> Vec<RouteFault> {
    let inside = colours_inside(fabric, kernels);
    let mut judge =
        Judge { fabric, kernels, inside, held: BTreeMap::new(), links: BTreeMap::new(), faults: Vec::new() };
    if routing.routes.len() != requests.len() {
        judge.faults.push(RouteFault::Count { routes: routing.routes.len(), requests: requests.len() });
    }
    for (index, (request, outcome)) in requests.iter().zip(&routing.routes).enumerate() {
        if let Outcome::Routed(routed) = outcome {
            judge.stream(index, request, routed);
        }
    }
    judge.peaks(routing);
    judge.faults
}

struct Judge<'a> {
    fabric: &'a Fabric,
    kernels: &'a [Footprint],
    /// Colours that kernels use inside, for each router row by row.
    inside: Vec<u8>,
    /// Who holds which colour at which router.
    held: BTreeMap<(Core, u32), usize>,
    /// Bytes from router to router.
    links: BTreeMap<(Core, Core), u64>,
    faults: Vec<RouteFault>,
}

impl Judge<'_> {
    fn stream(&mut self, request: usize, wanted: &Request, routed: &Routed) {
        let expected = wanted.parts(self.kernels);
        if routed.trunks.len() != expected as usize {
            self.faults.push(RouteFault::Lanes { request, found: routed.trunks.len(), expected });
        }
        let stated: u64 = routed.trunks.iter().map(|trunk| trunk.bytes).sum();
        let bytes = wanted.bytes.min(super::MAX_BYTES);
        if stated != bytes {
            self.faults.push(RouteFault::Bytes { request, stated, expected: bytes });
        }
        for trunk in &routed.trunks {
            self.lane(request, wanted, trunk);
        }
    }

    fn lane(&mut self, request: usize, wanted: &Request, trunk: &Trunk) {
        if trunk.colour >= self.fabric.colours {
            self.faults.push(RouteFault::NoSuchColour { request, colour: trunk.colour });
        }
        let ends =
            std::iter::once((&wanted.from, trunk.source)).chain(wanted.to.iter().zip(trunk.sinks.iter().copied()));
        for (end, at) in ends {
            self.end(request, end, at);
        }
        let depths = self.walk(request, trunk);
        if trunk.sinks.len() != wanted.to.len() {
            let found = trunk.sinks.len();
            self.faults.push(RouteFault::Lanes { request, found, expected: wanted.to.len() as u32 });
        }
        let mut counted = 0;
        for &sink in &trunk.sinks {
            match depths.get(&sink) {
                Some(&depth) => counted = counted.max(depth),
                None => self.faults.push(RouteFault::NotReached { request, at: sink }),
            }
        }
        if counted != trunk.hops {
            self.faults.push(RouteFault::Hops { request, stated: trunk.hops, counted });
        }
        for &at in depths.keys() {
            self.hold(request, at, trunk.colour);
        }
    }

    fn end(&mut self, request: usize, end: &End, at: Core) {
        if !end.cores(self.kernels).is_some_and(|rect| rect.contains(at)) {
            self.faults.push(RouteFault::WrongEnd { request, at });
        }
    }

    /// Hops to every router of a lane; puts its bytes on the links.
    fn walk(&mut self, request: usize, trunk: &Trunk) -> BTreeMap<Core, u32> {
        let mut depths = BTreeMap::from([(trunk.source, 0)]);
        let mut left: BTreeSet<Core> = BTreeSet::new();
        if !self.fabric.is_living(trunk.source) {
            self.faults.push(RouteFault::NotThere { request, at: trunk.source });
        }
        for &super::Segment { from, to } in &trunk.segments {
            if (from.x != to.x && from.y != to.y) || from == to {
                self.faults.push(RouteFault::Bent { request, from, to });
                continue;
            }
            let Some(&begin) = depths.get(&from) else {
                self.faults.push(RouteFault::Torn { request, at: from });
                continue;
            };
            let mut at = from;
            let mut depth = begin;
            while at != to {
                let next = towards(at, to);
                depth += 1;
                left.insert(at);
                if !self.fabric.is_living(next) {
                    self.faults.push(RouteFault::NotThere { request, at: next });
                    break;
                }
                if depths.insert(next, depth).is_some() {
                    self.faults.push(RouteFault::Loop { request, at: next });
                    break;
                }
                *self.links.entry((at, next)).or_default() += trunk.bytes;
                at = next;
            }
        }
        let loose = depths.keys().filter(|at| !left.contains(at) && !trunk.sinks.contains(at));
        self.faults.extend(loose.map(|&at| RouteFault::LooseEnd { request, at }));
        depths
    }

    fn hold(&mut self, request: usize, at: Core, colour: u32) {
        if let Some(with) = self.held.insert((at, colour), request) {
            self.faults.push(RouteFault::ColourTwice { request, with, at, colour });
        }
        if colour + self.inside(at) >= self.fabric.colours && self.inside(at) > 0 {
            let fullest = self.kernels.iter().enumerate().filter(|(_, kernel)| kernel.rect.contains(at));
            let kernel = fullest.max_by_key(|(_, kernel)| kernel.colours).map_or(0, |(kernel, _)| kernel);
            self.faults.push(RouteFault::ColourInside { request, kernel, at, colour });
        }
    }

    fn peaks(&mut self, routing: &Routing) {
        let counted = self.links.values().copied().max().filter(|&bytes| bytes > 0);
        let stated = routing.peak_link.map(|peak| peak.bytes);
        let carries = |peak: PeakLink| {
            self.links.iter().any(|(&(from, to), &bytes)| {
                from == peak.at && bytes == peak.bytes && peak.towards == direction(from, to)
            })
        };
        if counted != stated || !routing.peak_link.is_none_or(carries) {
            self.faults.push(RouteFault::PeakLink { stated, counted });
        }
        let mut routes: BTreeMap<Core, u32> = BTreeMap::new();
        for (at, _) in self.held.keys() {
            *routes.entry(*at).or_default() += 1;
        }
        let corners = self.kernels.iter().filter(|kernel| kernel.rect.cores() > 0);
        let corners = corners.map(|Footprint { rect, .. }| Core { x: rect.x, y: rect.y });
        for corner in corners.filter(|&core| self.fabric.is_living(core)) {
            routes.entry(corner).or_default();
        }
        let counted = routes.iter().map(|(&at, &used)| used + self.inside(at)).max().filter(|&used| used > 0);
        let stated = routing.peak_router.map(|peak| peak.used);
        if counted != stated {
            self.faults.push(RouteFault::PeakRouter { stated, counted });
        }
    }

    /// Colours that kernels use inside at a router; none outside the fabric.
    fn inside(&self, at: Core) -> u32 {
        let place = at.y as usize * self.fabric.columns as usize + at.x as usize;
        if at.x < self.fabric.columns { self.inside.get(place).map_or(0, |&used| u32::from(used)) } else { 0 }
    }
}

/// The most colours that any kernel uses inside, for each router row by row.
fn colours_inside(fabric: &Fabric, kernels: &[Footprint]) -> Vec<u8> {
    let columns = fabric.columns as usize;
    let mut inside = vec![0_u8; columns * fabric.rows as usize];
    for Footprint { rect, colours } in kernels {
        let [left, right] = [rect.x, rect.right()].map(|x| (x as usize).min(columns));
        for y in rect.y..rect.bottom().min(fabric.rows) {
            for used in &mut inside[y as usize * columns..][left..right] {
                *used = (*used).max((*colours).min(fabric.colours) as u8);
            }
        }
    }
    inside
}

/// The next router on a straight run.
fn towards(at: Core, to: Core) -> Core {
    let step = |at: u32, to: u32| if at < to { at + 1 } else { at - u32::from(at > to) };
    Core { x: step(at.x, to.x), y: step(at.y, to.y) }
}

/// The side on which a neighbour lies.
fn direction(from: Core, to: Core) -> super::Edge {
    match (to.x > from.x, to.x < from.x, to.y > from.y) {
        (true, ..) => super::Edge::East,
        (_, true, _) => super::Edge::West,
        (.., true) => super::Edge::South,
        _ => super::Edge::North,
    }
}
