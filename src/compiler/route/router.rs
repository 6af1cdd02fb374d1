//! The state of a routing, changed stream by stream: laying, ripping up, and trying a kernel elsewhere.

mod rip;

use super::colours::{Grid, Masks, inner};
use super::load::LinkLoads;
use super::maze::{Ends, detour, spend};
use super::outcome::{Outcome, PeakRouter, Rip, Routed, Routing, Trunk, Why};
use super::path::{Segment, distance};
use super::tree::Tree;
use super::{End, Fabric, Footprint, MAX_TRUNKS, Request};
use crate::hardware::{Core, Rect};

/// Routers that all searches together may look at while a layout is routed: this many, and some for each lane.
const ROUTE_BUDGET: u32 = 300_000_000;
const ROUTE_BUDGET_A_LANE: u32 = 20_000;

/// The same for the ways with few bends of one lane, and for a detour.
const FIND_BUDGET: u32 = 100_000;
const DETOUR_BUDGET: u32 = 2_000_000;

/// The same for all streams of a kernel that is tried elsewhere.
const PREVIEW_BUDGET: u32 = 150_000;

/// Kernels, streams, and the ways found so far.
///
/// A kernel without cores has no place; its streams wait.
#[derive(Clone, Debug)]
pub struct Router {
    fabric: Fabric,
    kernels: Vec<Footprint>,
    requests: Vec<Request>,
    lanes: Vec<Lane>,
    grid: Grid,
    /// The fabric as it is without any route.
    bare: Masks,
    rips: Vec<Rip>,
    /// Routers that searches may still look at.
    budget: u32,
}

/// One trunk of a request, laid or not.
#[derive(Clone, Debug)]
struct Lane {
    request: usize,
    part: u32,
    trunk: Option<Trunk>,
    /// Routers that the last search was given, if it ended before it was through.
    gave_up: Option<u32>,
}

/// What would become of streams if a kernel moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Streams of the kernel.
    pub own: Vec<(usize, Outcome)>,
    /// Streams of others that would have to make way for the colours inside it.
    pub displaced: Vec<(usize, Outcome)>,
}

/// What moving a kernel changed.
struct Shift {
    /// Its streams.
    own: Vec<usize>,
    /// Streams of others that were in its way.
    displaced: Vec<usize>,
    /// Lanes that were released, as they were before.
    released: Vec<(usize, Lane)>,
}

impl Router {
    /// A fabric with kernels and no way yet.
    pub fn new(fabric: &Fabric, kernels: &[Footprint], requests: &[Request]) -> Self {
        let bare = Masks::new(fabric, kernels);
        let mut router = Self {
            fabric: fabric.clone(),
            kernels: kernels.to_vec(),
            requests: requests.to_vec(),
            lanes: Vec::new(),
            grid: Grid { masks: bare.clone(), loads: LinkLoads::new(fabric) },
            bare,
            rips: Vec::new(),
            budget: DETOUR_BUDGET,
        };
        for index in 0..requests.len() {
            router.add_lanes(index);
        }
        router
    }

    /// Goes on from a finished routing of the same fabric, kernels and requests.
    pub fn resume(fabric: &Fabric, kernels: &[Footprint], requests: &[Request], routing: &Routing) -> Self {
        let mut router = Self::new(fabric, kernels, requests);
        for (request, trunk) in routing.trunks() {
            let lanes = router.lanes.iter_mut().filter(|lane| lane.request == request && lane.trunk.is_none());
            if let Some(lane) = lanes.min_by_key(|lane| lane.part) {
                occupy(&mut router.grid, trunk);
                lane.trunk = Some(trunk.clone());
            }
        }
        for (request, why) in routing.unrouted() {
            if let (Why::GaveUp { visits }, Some(&lane)) = (why, router.lanes_of(request).first()) {
                router.lanes[lane].gave_up = Some(visits);
            }
        }
        router.rips.clone_from(&routing.rips);
        router
    }

    /// Finds ways for all streams that have none, short ones first.
    pub fn route_all(&mut self) {
        let lanes = (0..self.requests.len()).flat_map(|request| self.lanes_of(request));
        let mut order: Vec<usize> = lanes.filter(|&lane| self.lanes[lane].trunk.is_none()).collect();
        order.sort_by_key(|&lane| (self.length(lane), lane));
        self.budget = ROUTE_BUDGET.saturating_add(ROUTE_BUDGET_A_LANE.saturating_mul(order.len() as u32));
        let mut failed: Vec<usize> = order.into_iter().filter(|&lane| !self.lay(lane)).collect();
        failed = self.lay_whole(failed);
        self.rip_up(failed);
        self.drop_parts();
    }

    /// Gives back what streams hold of which a lane has no way, so that one of them does not keep another from being
    /// whole, and tries each of them again, those with the fewest ends first. Gives the lanes that are still without a way.
    fn lay_whole(&mut self, failed: Vec<usize>) -> Vec<usize> {
        let mut requests: Vec<usize> = Vec::new();
        for request in failed.into_iter().map(|lane| self.lanes[lane].request) {
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
        for &request in &requests {
            self.remove(request);
        }
        requests.sort_by_key(|&request| self.requests[request].to.len() * self.lanes_of(request).len());
        let mut left = Vec::new();
        for request in requests {
            let missing = self.lanes_of(request).into_iter().find(|&lane| !self.lay(lane));
            if missing.is_some() {
                self.remove(request);
                left.extend(missing);
            }
        }
        left
    }

    /// Adds a stream, finds a way for it among the others, and gives its index.
    pub fn add(&mut self, request: Request) -> usize {
        let index = self.requests.len();
        self.requests.push(request);
        self.add_lanes(index);
        self.budget = DETOUR_BUDGET;
        let failed: Vec<usize> = self.lanes_of(index).into_iter().filter(|&lane| !self.lay(lane)).collect();
        self.rip_up(failed);
        self.drop_parts();
        index
    }

    /// Gives the colours of a stream back; it stays in the list, without a way.
    pub fn remove(&mut self, request: usize) {
        for lane in self.lanes_of(request) {
            self.release(lane);
        }
    }

    /// What became of one stream.
    pub fn outcome(&self, request: usize) -> Outcome {
        let lanes = self.lanes_of(request);
        let trunks: Vec<Trunk> = lanes.iter().filter_map(|&lane| self.lanes[lane].trunk.clone()).collect();
        if trunks.len() == lanes.len() && !trunks.is_empty() {
            return Outcome::Routed(Routed { trunks });
        }
        if let Some(visits) = lanes.iter().find_map(|&lane| self.lanes[lane].gave_up) {
            return Outcome::Unrouted(Why::GaveUp { visits });
        }
        let missing = lanes.iter().map(|&lane| &self.lanes[lane]).find(|lane| lane.trunk.is_none());
        let why = missing.map_or(Why::NotPlaced, |lane| match self.direct(lane) {
            Ok(tree) => self.shortage(&tree, |core| self.users(core) + 1),
            Err(why) => why,
        });
        Outcome::Unrouted(why)
    }

    /// What the streams would become if kernel `index` stood on `rect`; nothing changes.
    pub fn preview(&mut self, index: usize, rect: Rect) -> Preview {
        let Some(&before) = self.kernels.get(index) else { return Preview { own: Vec::new(), displaced: Vec::new() } };
        let Shift { own, displaced, released } = self.shift(index, rect);
        let outcomes = |requests: &[usize]| requests.iter().map(|&request| (request, self.outcome(request))).collect();
        let preview = Preview { own: outcomes(&own), displaced: outcomes(&displaced) };
        for &(lane, _) in &released {
            self.release(lane);
        }
        self.stand(index, before.rect);
        for (lane, before) in released {
            self.put_back(lane, before);
        }
        preview
    }

    /// Puts kernel `index` on `rect` and finds new ways for its streams and for those in its way.
    pub fn move_kernel(&mut self, index: usize, rect: Rect) {
        if index < self.kernels.len() {
            self.shift(index, rect);
        }
    }

    /// The ways as they are, with their peaks.
    pub fn routing(&self) -> Routing {
        let mut routes: Vec<Outcome> = Vec::with_capacity(self.requests.len());
        let mut trees: Vec<Option<Tree>> = Vec::with_capacity(self.requests.len());
        for request in 0..self.requests.len() {
            let own: Vec<&Lane> = self.lanes_of(request).into_iter().map(|lane| &self.lanes[lane]).collect();
            let trunks: Vec<Trunk> = own.iter().filter_map(|lane| lane.trunk.clone()).collect();
            let missing = own.iter().copied().find(|lane| lane.trunk.is_none());
            let gave_up = missing.and_then(|_| own.iter().find_map(|lane| lane.gave_up));
            let direct = |lane| gave_up.map_or_else(|| self.direct(lane), |visits| Err(Why::GaveUp { visits }));
            let (route, tree) = match missing.map(direct) {
                None => (Outcome::Routed(Routed { trunks }), None),
                Some(Err(why)) => (Outcome::Unrouted(why), None),
                Some(Ok(tree)) => (Outcome::Unrouted(Why::NotPlaced), Some(tree)),
            };
            routes.push(route);
            trees.push(tree);
        }
        self.name_shortages(&mut routes, &trees);
        let all = || self.lanes.iter().filter_map(|lane| lane.trunk.as_ref());
        let segments = all().flat_map(|trunk| trunk.segments.iter().copied());
        let peak_link = self.grid.loads.peak(segments).filter(|peak| peak.bytes > 0);
        Routing { routes, peak_link, peak_router: self.peak_router(), rips: self.rips.clone() }
    }

    /// Fills in what streams lack on their most direct ways, counting all of them that have none.
    fn name_shortages(&self, routes: &mut [Outcome], trees: &[Option<Tree>]) {
        if trees.iter().all(Option::is_none) {
            return;
        }
        let columns = self.fabric.columns as usize;
        let place = |core: Core| core.y as usize * columns + core.x as usize;
        let mut more = vec![0_u32; columns * self.fabric.rows as usize];
        for tree in trees.iter().flatten() {
            let legs: Vec<Segment> = tree.legs.iter().map(|(leg, _)| *leg).collect();
            routers(tree.source, &legs, |core| more[place(core)] += 1);
        }
        for (route, tree) in routes.iter_mut().zip(trees) {
            if let Some(tree) = tree {
                *route = Outcome::Unrouted(self.shortage(tree, |core| self.users(core) + more[place(core)]));
            }
        }
    }

    /// The router on a way that lacks the most colours, or is the fullest.
    fn shortage(&self, tree: &Tree, wanted: impl Fn(Core) -> u32) -> Why {
        let mut worst: Option<(i64, Core, u32, u32)> = None;
        let legs: Vec<Segment> = tree.legs.iter().map(|(leg, _)| *leg).collect();
        routers(tree.source, &legs, |core| {
            let (needed, available) = (wanted(core), self.available(core));
            let lack = i64::from(needed) - i64::from(available);
            if worst.is_none_or(|(held, ..)| lack > held) {
                worst = Some((lack, core, needed, available));
            }
        });
        match worst {
            Some((lack, at, needed, available)) if lack > 0 => Why::Colours { at, needed, available },
            Some((_, at, needed, available)) => Why::NoCommonColour { at, needed, available },
            None => Why::Closed { at: tree.source },
        }
    }

    /// Colours that routes may use at a living router.
    fn available(&self, core: Core) -> u32 {
        (!self.bare.taken(core)).count_ones()
    }

    /// Routes at a router: each has a colour of its own there.
    fn users(&self, core: Core) -> u32 {
        (self.grid.masks.taken(core) & !self.bare.taken(core)).count_ones()
    }

    fn peak_router(&self) -> Option<PeakRouter> {
        let unused = super::colours::beyond(self.fabric.colours);
        let mut peak: Option<PeakRouter> = None;
        let mut meet = |at: Core| {
            if self.fabric.is_living(at) {
                let used = (self.grid.masks.taken(at) & !unused).count_ones();
                if used > 0 && peak.is_none_or(|held| used > held.used) {
                    peak = Some(PeakRouter { at, used, available: self.fabric.colours });
                }
            }
        };
        for trunk in self.lanes.iter().filter_map(|lane| lane.trunk.as_ref()) {
            routers(trunk.source, &trunk.segments, &mut meet);
        }
        for rect in self.kernels.iter().map(|kernel| kernel.rect).filter(|rect| rect.cores() > 0) {
            meet(Core { x: rect.x, y: rect.y });
        }
        peak
    }

    /// Adds as many lanes as a stream asks for. Those that its edges have no room for stay without a way.
    fn add_lanes(&mut self, request: usize) {
        let parts = self.requests[request].trunks.clamp(1, MAX_TRUNKS);
        self.lanes.extend((0..parts).map(|part| Lane { request, part, trunk: None, gave_up: None }));
    }

    /// Lanes of a stream that its edges have room for; they lie together.
    fn lanes_of(&self, request: usize) -> Vec<usize> {
        let first = self.lanes.partition_point(|lane| lane.request < request);
        let parts = self.requests.get(request).map_or(0, |request| request.parts(&self.kernels));
        (first..first + parts as usize).collect()
    }

    /// Links between the ends of a lane, to its farthest reader.
    fn length(&self, lane: usize) -> u32 {
        let request = &self.requests[self.lanes[lane].request];
        let place = |end: &End| end.cores(&self.kernels).map(|rect| rect.centre());
        let Some(from) = place(&request.from) else { return 0 };
        request.to.iter().filter_map(place).map(|to| distance(from, to)).max().unwrap_or(0)
    }

    /// Ports of one end of a lane that are on the fabric, alive and not full.
    fn ports(&self, lane: &Lane, end: &End) -> Vec<Core> {
        let parts = self.requests[lane.request].parts(&self.kernels);
        let mut ports = end.ports(&self.kernels, lane.part, parts);
        ports.retain(|&core| self.fabric.is_living(core) && self.grid.masks.taken(core) != u32::MAX);
        ports
    }

    /// Finds a way for a lane and takes it.
    fn lay(&mut self, lane: usize) -> bool {
        self.lay_within(lane, DETOUR_BUDGET)
    }

    /// The same with at most so many routers looked at for a detour.
    fn lay_within(&mut self, lane: usize, visits: u32) -> bool {
        self.lanes[lane].gave_up = None;
        let Some(ends) = self.ends(&self.lanes[lane]) else { return false };
        let mut few_bends = self.budget.min(FIND_BUDGET);
        let given = few_bends;
        let mut found = self.find(&ends, &mut few_bends);
        self.budget -= given - few_bends;
        if found.is_none() {
            let mut left = self.budget.min(visits);
            let given = left;
            found = detour(&self.grid, &ends, &mut left).map(|(tree, reached)| finish(&tree, reached));
            self.budget -= given - left;
            if found.is_none() && left == 0 {
                self.lanes[lane].gave_up = Some(given);
            }
        }
        found.map(|trunk| self.commit(lane, trunk)).is_some()
    }

    /// A way with few bends, on all colours at once.
    fn find(&self, ends: &Ends, budget: &mut u32) -> Option<Trunk> {
        for &source in &ends.sources {
            let Some(mut tree) = Tree::new(&self.grid, source, u32::MAX, ends.bytes) else { continue };
            let mut reached = vec![source; ends.readers.len()];
            let all = ends.readers.iter().all(|(reader, ports)| {
                let port = tree.reach(&self.grid, ports);
                reached[*reader] = port.unwrap_or(source);
                port.is_some()
            });
            if all {
                *budget = budget.saturating_sub(tree.visits);
                return Some(finish(&tree, reached));
            }
            spend(budget, tree.visits)?;
        }
        None
    }

    /// Where a lane may begin and end; `None` if there is nowhere.
    fn ends(&self, lane: &Lane) -> Option<Ends> {
        let request = &self.requests[lane.request];
        let sources = self.ports(lane, &request.from);
        let bytes = request.share(lane.part, request.parts(&self.kernels));
        let readers = self.readers(lane)?;
        (!sources.is_empty()).then_some(Ends { sources, readers, bytes })
    }

    /// The ports of every reader, nearest reader first; `None` if one of them has none.
    fn readers(&self, lane: &Lane) -> Option<Vec<(usize, Vec<Core>)>> {
        let request = &self.requests[lane.request];
        let from = request.from.cores(&self.kernels)?.centre();
        let ports = |(reader, end)| {
            let ports = self.ports(lane, end);
            (!ports.is_empty()).then_some((reader, ports))
        };
        let mut sinks: Vec<(usize, Vec<Core>)> = request.to.iter().enumerate().map(ports).collect::<Option<_>>()?;
        sinks.sort_by_key(|(reader, ports)| (distance(from, ports[0]), *reader));
        (!sinks.is_empty()).then_some(sinks)
    }

    /// The most direct way of a lane on a fabric without other routes, or why there is none.
    fn direct(&self, lane: &Lane) -> Result<Tree, Why> {
        let request = &self.requests[lane.request];
        let parts = request.parts(&self.kernels);
        let port = |end: &End| {
            let at = end.ports(&self.kernels, lane.part, parts).first().copied().ok_or(Why::NotPlaced)?;
            if self.fabric.is_living(at) { Ok(at) } else { Err(Why::Lost { at }) }
        };
        let source = port(&request.from)?;
        let mut sinks = request.to.iter().map(port).collect::<Result<Vec<Core>, Why>>()?;
        if sinks.is_empty() {
            return Err(Why::NotPlaced);
        }
        sinks.sort_by_key(|&sink| distance(source, sink));
        let bytes = request.share(lane.part, parts);
        let mut tree = Tree::new(&self.bare, source, u32::MAX, bytes).ok_or(Why::Closed { at: source })?;
        let reached = sinks.iter().all(|&sink| tree.reach(&self.bare, &[sink]).is_some());
        if reached { Ok(tree) } else { Err(Why::Closed { at: source }) }
    }

    fn commit(&mut self, lane: usize, trunk: Trunk) {
        occupy(&mut self.grid, &trunk);
        self.lanes[lane].trunk = Some(trunk);
    }

    /// Makes a lane what it was before.
    fn put_back(&mut self, lane: usize, before: Lane) {
        self.release(lane);
        if let Some(trunk) = &before.trunk {
            occupy(&mut self.grid, trunk);
        }
        self.lanes[lane] = before;
    }

    /// Gives the colours of a lane back, and its way to the caller.
    fn release(&mut self, lane: usize) -> Option<Trunk> {
        let trunk = self.lanes[lane].trunk.take()?;
        self.grid.masks.clear(one(trunk.source), 1 << trunk.colour);
        for segment in &trunk.segments {
            self.grid.masks.clear(segment.rect(), 1 << trunk.colour);
            self.grid.loads.remove(*segment, trunk.bytes);
        }
        Some(trunk)
    }

    /// A stream whose lanes have not all found ways gives those of the others back.
    fn drop_parts(&mut self) {
        for request in 0..self.requests.len() {
            self.drop_if_partial(request);
        }
    }

    fn drop_if_partial(&mut self, request: usize) {
        if self.lanes_of(request).iter().any(|&lane| self.lanes[lane].trunk.is_none()) {
            self.remove(request);
        }
    }

    /// Lanes of the colours in `bits` that pass any of `rects`.
    fn lanes_in(&self, rects: &[Rect], bits: u32) -> Vec<usize> {
        let passes = |trunk: &Trunk| {
            let own = trunk.segments.iter().map(Segment::rect).chain(std::iter::once(one(trunk.source)));
            bits & (1 << trunk.colour) != 0
                && own.into_iter().any(|own| rects.iter().any(|rect| own.intersection(rect).is_some()))
        };
        (0..self.lanes.len()).filter(|&lane| self.lanes[lane].trunk.as_ref().is_some_and(passes)).collect()
    }

    /// Moves a kernel and lays its streams and those in its way anew.
    fn shift(&mut self, index: usize, rect: Rect) -> Shift {
        self.budget = PREVIEW_BUDGET;
        let own: Vec<usize> = (0..self.requests.len()).filter(|&at| self.requests[at].touches(index)).collect();
        let mut released: Vec<(usize, Lane)> = Vec::new();
        for lane in own.iter().flat_map(|&request| self.lanes_of(request)).collect::<Vec<_>>() {
            released.push((lane, self.lanes[lane].clone()));
            self.release(lane);
        }
        let bits = inner(&self.fabric, &Footprint { rect, ..self.kernels[index] });
        let mut displaced: Vec<usize> =
            self.lanes_in(&[rect], bits).into_iter().map(|lane| self.lanes[lane].request).collect();
        displaced.dedup();
        for lane in displaced.iter().flat_map(|&request| self.lanes_of(request)).collect::<Vec<_>>() {
            released.push((lane, self.lanes[lane].clone()));
            self.release(lane);
        }
        self.stand(index, rect);
        for &request in own.iter().chain(&displaced) {
            for lane in self.lanes_of(request) {
                self.lay(lane);
            }
            self.drop_if_partial(request);
        }
        Shift { own, displaced, released }
    }

    /// Takes and gives back the colours inside a kernel as it moves to `rect`.
    fn stand(&mut self, index: usize, rect: Rect) {
        let before = self.kernels[index];
        self.kernels[index].rect = rect;
        for masks in [&mut self.grid.masks, &mut self.bare] {
            masks.clear(before.rect, inner(&self.fabric, &before));
            // Other kernels may overlap it where the user put them so, and lost cores stay closed.
            let shared = self.kernels.iter().filter(|kernel| kernel.rect.intersection(&before.rect).is_some());
            for kernel in shared {
                masks.set(kernel.rect, inner(&self.fabric, kernel));
            }
            masks.close_lost(&self.fabric, before.rect.y..before.rect.bottom().min(self.fabric.rows));
            masks.set(rect, inner(&self.fabric, &self.kernels[index]));
        }
    }
}

/// The route of a finished tree, on its lowest free colour.
fn finish(tree: &Tree, reached: Vec<Core>) -> Trunk {
    tree.trunk((!tree.taken).trailing_zeros(), reached)
}

/// One core as a rectangle.
fn one(core: Core) -> Rect {
    Rect { x: core.x, y: core.y, width: 1, height: 1 }
}

fn occupy(grid: &mut Grid, trunk: &Trunk) {
    grid.masks.set(one(trunk.source), 1 << trunk.colour);
    for segment in &trunk.segments {
        grid.masks.set(segment.rect(), 1 << trunk.colour);
        grid.loads.add(*segment, trunk.bytes);
    }
}

/// Calls `meet` once for every router of a tree.
fn routers(source: Core, segments: &[Segment], mut meet: impl FnMut(Core)) {
    meet(source);
    for core in segments.iter().flat_map(|segment| segment.routers().skip(1)) {
        meet(core);
    }
}
