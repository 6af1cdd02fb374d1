//! The state of a routing, changed stream by stream: laying, ripping up, and trying a kernel elsewhere.

use super::colours::{Bare, Grid, View, inner};
use super::maze::detour;
use super::outcome::{Outcome, PeakRouter, Rip, Routed, Routing, Trunk, Why};
use super::path::{Segment, distance};
use super::tree::Tree;
use super::{End, Fabric, Footprint, MAX_TRUNKS, Request};
use crate::hardware::{Core, Rect};

/// Visits of all searches for detours while a layout is routed.
const DETOUR_BUDGET: u32 = 3_000_000;

/// The same for one stream.
const DETOUR_BUDGET_EACH: u32 = 200_000;

/// The same for a stream that was ripped up.
const RIP_BUDGET: u32 = 20_000;

/// The same for a kernel that is tried elsewhere.
const PREVIEW_BUDGET: u32 = 10_000;

/// Ports of one end that are tried where every try is expensive.
const FEW_PORTS: usize = 3;

/// How often all streams without a way are tried again with others ripped up.
const RIP_ROUNDS: u32 = 3;

/// Most streams that are ripped up for one.
const RIPPED_AT_MOST: usize = 3;

/// Choices of streams to rip up that are tried for one stream, and for all together.
const RIP_TRIES: usize = 8;
const RIP_TRIES_ALL: usize = 400;

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
    rips: Vec<Rip>,
    /// Visits left for detours.
    budget: u32,
}

/// One trunk of a request, laid or not.
#[derive(Clone, Debug)]
struct Lane {
    request: usize,
    part: u32,
    trunk: Option<Trunk>,
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
    /// Lanes that were released, with the ways that they had.
    released: Vec<(usize, Option<Trunk>)>,
}

impl Router {
    /// A fabric with kernels and no way yet.
    pub fn new(fabric: &Fabric, kernels: &[Footprint], requests: &[Request]) -> Self {
        let mut router = Self {
            fabric: fabric.clone(),
            kernels: kernels.to_vec(),
            requests: requests.to_vec(),
            lanes: Vec::new(),
            grid: Grid::new(fabric, kernels),
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
        router.rips.clone_from(&routing.rips);
        router
    }

    /// Finds ways for all streams that have none, short ones first.
    pub fn route_all(&mut self) {
        let lanes = (0..self.requests.len()).flat_map(|request| self.lanes_of(request));
        let mut order: Vec<usize> = lanes.filter(|&lane| self.lanes[lane].trunk.is_none()).collect();
        order.sort_by_key(|&lane| (self.length(lane), lane));
        let failed: Vec<usize> = order.into_iter().filter(|&lane| !self.lay(lane)).collect();
        self.rip_up(failed);
        self.drop_parts();
    }

    /// Adds a stream, finds a way for it among the others, and gives its index.
    pub fn add(&mut self, request: Request) -> usize {
        let index = self.requests.len();
        self.requests.push(request);
        self.add_lanes(index);
        self.budget = DETOUR_BUDGET_EACH;
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
        let bare = lanes.iter().map(|&lane| &self.lanes[lane]).find(|lane| lane.trunk.is_none());
        let why = bare.map_or(Why::NotPlaced, |lane| match self.direct(lane) {
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
        for (lane, trunk) in released {
            if let Some(trunk) = trunk {
                self.commit(lane, trunk);
            }
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
            let (route, tree) = match missing.map(|lane| self.direct(lane)) {
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
        let mut wanted = vec![0_u32; columns * self.fabric.rows as usize];
        let trunks = self.lanes.iter().filter_map(|lane| lane.trunk.as_ref());
        trunks.for_each(|trunk| routers(trunk.source, &trunk.segments, |core| wanted[place(core)] += 1));
        for tree in trees.iter().flatten() {
            let legs: Vec<Segment> = tree.legs.iter().map(|(leg, _)| *leg).collect();
            routers(tree.source, &legs, |core| wanted[place(core)] += 1);
        }
        for (route, tree) in routes.iter_mut().zip(trees) {
            if let Some(tree) = tree {
                *route = Outcome::Unrouted(self.shortage(tree, |core| wanted[place(core)]));
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
        let bare = Bare { fabric: &self.fabric, kernels: &self.kernels };
        (!bare.sweep(Segment { from: core, to: core }).taken).count_ones()
    }

    /// Routes at a router.
    fn users(&self, core: Core) -> u32 {
        let holds =
            |trunk: &&Trunk| trunk.source == core || trunk.segments.iter().any(|segment| segment.rect().contains(core));
        self.lanes.iter().filter_map(|lane| lane.trunk.as_ref()).filter(holds).count() as u32
    }

    fn peak_router(&self) -> Option<PeakRouter> {
        let unused = super::colours::beyond(self.fabric.colours);
        let mut peak: Option<PeakRouter> = None;
        let mut meet = |at: Core| {
            if self.fabric.is_living(at) {
                let used = (self.grid.taken(at) & !unused).count_ones();
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
        self.lanes.extend((0..parts).map(|part| Lane { request, part, trunk: None }));
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
        ports.retain(|&core| self.fabric.is_living(core) && self.grid.taken(core) != u32::MAX);
        ports
    }

    /// Finds a way for a lane and takes it.
    fn lay(&mut self, lane: usize) -> bool {
        self.lay_within(lane, DETOUR_BUDGET_EACH)
    }

    /// The same with at most so many visits for a detour.
    fn lay_within(&mut self, lane: usize, visits: u32) -> bool {
        let found = self.find(&self.lanes[lane]).or_else(|| {
            let mut budget = self.budget.min(visits);
            let given = budget;
            let found = self.find_detour(&self.lanes[lane], &mut budget);
            self.budget -= given - budget;
            found
        });
        found.map(|trunk| self.commit(lane, trunk)).is_some()
    }

    /// A way with few bends: on any colour, then with several readers on each colour by itself.
    fn find(&self, lane: &Lane) -> Option<Trunk> {
        let request = &self.requests[lane.request];
        let sources = self.ports(lane, &request.from);
        let sinks = self.readers(lane)?;
        let all = sources.iter().find_map(|&source| self.grow(lane, source, u32::MAX, &sinks, &mut 0));
        if all.is_some() || sinks.len() < 2 {
            return all;
        }
        let few = |ports: &Vec<Core>| ports.iter().copied().take(FEW_PORTS).collect();
        let sinks: Vec<(usize, Vec<Core>)> = sinks.iter().map(|(reader, ports)| (*reader, few(ports))).collect();
        (0..self.fabric.colours).find_map(|colour| {
            few(&sources).into_iter().find_map(|source| self.grow(lane, source, 1 << colour, &sinks, &mut 0))
        })
    }

    /// A way with detours where nothing else is free.
    fn find_detour(&self, lane: &Lane, budget: &mut u32) -> Option<Trunk> {
        let request = &self.requests[lane.request];
        let sources = self.ports(lane, &request.from);
        let sinks = self.readers(lane)?;
        let single = (0..self.fabric.colours).map(|colour| 1 << colour).filter(|_| sinks.len() > 1);
        let tries = std::iter::once(u32::MAX).chain(single);
        tries.into_iter().find_map(|allowed| {
            let few = sources.iter().take(FEW_PORTS);
            few.copied().find_map(|source| self.grow(lane, source, allowed, &sinks, budget))
        })
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

    /// A tree from `source` to all readers, with detours as long as there is a budget for them.
    fn grow(
        &self,
        lane: &Lane,
        source: Core,
        allowed: u32,
        sinks: &[(usize, Vec<Core>)],
        budget: &mut u32,
    ) -> Option<Trunk> {
        let request = &self.requests[lane.request];
        let bytes = request.share(lane.part, request.parts(&self.kernels));
        let mut tree = Tree::new(&self.grid, source, allowed, bytes)?;
        let mut ends = vec![source; sinks.len()];
        for (reader, ports) in sinks {
            let end = tree.reach(&self.grid, ports).or_else(|| {
                let corners = detour(&self.fabric, &self.grid, &tree, ports, budget)?;
                tree.join_detour(&self.grid, &corners)
            });
            ends[*reader] = end?;
        }
        Some(tree.trunk((!tree.taken).trailing_zeros(), ends))
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
        let bare = Bare { fabric: &self.fabric, kernels: &self.kernels };
        let bytes = request.share(lane.part, parts);
        let mut tree = Tree::new(&bare, source, u32::MAX, bytes).ok_or(Why::Closed { at: source })?;
        let reached = sinks.iter().all(|&sink| tree.reach(&bare, &[sink]).is_some());
        if reached { Ok(tree) } else { Err(Why::Closed { at: source }) }
    }

    fn commit(&mut self, lane: usize, trunk: Trunk) {
        occupy(&mut self.grid, &trunk);
        self.lanes[lane].trunk = Some(trunk);
    }

    /// Gives the colours of a lane back, and its way to the caller.
    fn release(&mut self, lane: usize) -> Option<Trunk> {
        let trunk = self.lanes[lane].trunk.take()?;
        self.grid.clear(one(trunk.source), 1 << trunk.colour);
        for segment in &trunk.segments {
            self.grid.clear(segment.rect(), 1 << trunk.colour);
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

    /// Tries to make room for lanes without a way, in bounded rounds.
    fn rip_up(&mut self, mut failed: Vec<usize>) {
        let mut tries = RIP_TRIES_ALL;
        for _ in 0..RIP_ROUNDS {
            let before = failed.len();
            if tries == 0 {
                return;
            }
            failed.retain(|&lane| {
                let found = self.find(&self.lanes[lane]);
                let laid = found.map(|trunk| self.commit(lane, trunk)).is_some();
                !laid && !self.make_room(lane, &mut tries)
            });
            if failed.is_empty() || failed.len() == before {
                return;
            }
        }
    }

    /// Lays a lane on its most direct way where at most a few others hold a colour and all of them find another way.
    fn make_room(&mut self, lane: usize, tries: &mut usize) -> bool {
        let Ok(tree) = self.direct(&self.lanes[lane]) else { return false };
        let mut choices: Vec<(u32, Vec<usize>)> = (0..self.fabric.colours)
            .filter(|colour| tree.taken & (1 << colour) == 0)
            .map(|colour| (colour, self.holders(&tree, colour)))
            .filter(|(_, holders)| holders.len() <= RIPPED_AT_MOST)
            .collect();
        choices.sort_by_key(|(colour, holders)| (holders.len(), *colour));
        let sinks = self.direct_sinks(lane);
        for (colour, holders) in choices.into_iter().take(RIP_TRIES) {
            let Some(left) = tries.checked_sub(1) else { return false };
            *tries = left;
            let ripped: Vec<(usize, Option<Trunk>)> =
                holders.iter().map(|&holder| (holder, self.release(holder))).collect();
            self.commit(lane, tree.trunk(colour, sinks.clone()));
            let relaid = holders.iter().all(|&holder| self.lay_within(holder, RIP_BUDGET));
            if relaid {
                let moved = holders.iter().map(|&holder| self.lanes[holder].request).collect();
                self.rips.push(Rip { request: self.lanes[lane].request, colour, moved });
                return true;
            }
            self.release(lane);
            for &holder in &holders {
                self.release(holder);
            }
            for (holder, trunk) in ripped {
                if let Some(trunk) = trunk {
                    self.commit(holder, trunk);
                }
            }
        }
        false
    }

    /// The first port of every reader, in the order of the request.
    fn direct_sinks(&self, lane: usize) -> Vec<Core> {
        let lane = &self.lanes[lane];
        let request = &self.requests[lane.request];
        let parts = request.parts(&self.kernels);
        request.to.iter().filter_map(|end| end.ports(&self.kernels, lane.part, parts).first().copied()).collect()
    }

    /// Lanes that hold `colour` at a router of `tree`.
    fn holders(&self, tree: &Tree, colour: u32) -> Vec<usize> {
        let rects: Vec<Rect> =
            tree.legs.iter().map(|(leg, _)| leg.rect()).chain(std::iter::once(one(tree.source))).collect();
        self.lanes_in(&rects, 1 << colour)
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
        let mut released: Vec<(usize, Option<Trunk>)> = Vec::new();
        for lane in own.iter().flat_map(|&request| self.lanes_of(request)).collect::<Vec<_>>() {
            released.push((lane, self.release(lane)));
        }
        let bits = inner(&self.fabric, &Footprint { rect, ..self.kernels[index] });
        let mut displaced: Vec<usize> =
            self.lanes_in(&[rect], bits).into_iter().map(|lane| self.lanes[lane].request).collect();
        displaced.dedup();
        for lane in displaced.iter().flat_map(|&request| self.lanes_of(request)).collect::<Vec<_>>() {
            released.push((lane, self.release(lane)));
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
        self.grid.clear(before.rect, inner(&self.fabric, &before));
        self.kernels[index].rect = rect;
        // Other kernels may overlap it where the user put them so, and lost cores stay closed.
        let shared = self.kernels.iter().filter(|kernel| kernel.rect.intersection(&before.rect).is_some());
        for kernel in shared {
            self.grid.set(kernel.rect, inner(&self.fabric, kernel));
        }
        self.grid.close_lost(&self.fabric, before.rect.y..before.rect.bottom().min(self.fabric.rows));
        self.grid.set(rect, inner(&self.fabric, &self.kernels[index]));
    }
}

/// One core as a rectangle.
fn one(core: Core) -> Rect {
    Rect { x: core.x, y: core.y, width: 1, height: 1 }
}

fn occupy(grid: &mut Grid, trunk: &Trunk) {
    grid.set(one(trunk.source), 1 << trunk.colour);
    for segment in &trunk.segments {
        grid.set(segment.rect(), 1 << trunk.colour);
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
