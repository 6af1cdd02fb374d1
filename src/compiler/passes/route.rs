//! The sixth pass: every edge of the graph becomes a stream, and what streams cost the kernels that wait for them.
//!
//! A stream leaves its maker over the east edge and comes in over the west edges of all its readers on that wafer, as one
//! tree of one colour; [`mod@crate::compiler::route`] finds the way. Between wafers it leaves over the east rim and comes
//! in over the west rim of the next one with all others that go the same way; no colours are given to it there. Wafers
//! with the same kernels at the same places are routed once.

use std::collections::BTreeMap;

use super::place::Neighbours;
use super::{Problem, step};
use crate::compiler::kernel::FP16_BYTES;
use crate::compiler::resident::hops;
use crate::compiler::route::{Edge, End, Fabric, Footprint, Outcome, Request, Routing, route as find_ways};
use crate::compiler::{CompilerPass, Considered, Decision, KernelId, Program, Region, Route, Schedule};
use crate::hardware::DeviceSpec;
use crate::units::{Bytes, Cycles, format};

/// Adds a route for each edge between kernels that have a place, and prices the way of operands.
pub(super) fn route(problem: &Problem<'_>, program: &mut Program) {
    let mut routes = edges(problem, program);
    let notes = ways(problem, program, &mut routes);
    price(problem, program, &routes);
    for (route, (note, considered)) in routes.iter().zip(notes) {
        let (from, to) = (&program.regions[route.from.0 as usize], &program.regions[route.to.0 as usize]);
        let over =
            if from.wafer == to.wafer { note } else { format!("from wafer {} to wafer {}", from.wafer, to.wafer) };
        let past = match route.to.0 - route.from.0 - 1 {
            0 => String::new(),
            waits => format!("; past {waits} kernels, and waits at its reader"),
        };
        let bytes = format::bytes(route.bytes.0);
        let because = format!("{bytes} for each micro-batch over {} hops: {over}{past}", route.hops);
        let Route { from, to, hops, colour, .. } = *route;
        let decision = Decision::RouteCommitted { from, to, hops, colour };
        let mut decided = step(decision, CompilerPass::Route, because, "every edge of the graph is a stream");
        decided.considered = considered;
        program.steps.push(decided);
    }
    program.routes = routes;
}

/// Prices the ways of operands by their hops and the bytes between wafers.
fn price(problem: &Problem<'_>, program: &mut Program, routes: &[Route]) {
    let crossing = crossing_bytes(program, routes, problem.wafers());
    let Schedule::Pipeline { stages, .. } = &mut program.schedule else { return };
    if let Some(first) = program.regions.first() {
        // The first kernel is fed from the wafer's west edge.
        stages[0].latency = wire_cycles(first.rect.x, problem.device);
    }
    for route in routes {
        let (from, to) = (&program.regions[route.from.0 as usize], &program.regions[route.to.0 as usize]);
        let stage = &mut stages[route.to.0 as usize];
        let mut latency = wire_cycles(route.hops, problem.device).0;
        let boundaries = from.wafer.min(to.wafer)..from.wafer.max(to.wafer);
        let link = problem.device.wafer_link_seconds.value * problem.device.clock_run_hz.value;
        latency += u64::from(boundaries.end - boundaries.start) * Cycles::from_cost(link).0;
        stage.latency = Cycles(stage.latency.0.max(latency));
        let busiest = boundaries.map(|boundary| crossing[boundary as usize]).max().unwrap_or(0);
        let link_time = Cycles::from_cost(busiest as f64 / problem.device.io_bytes_per_cycle());
        stage.receive = Cycles(stage.receive.0.max(link_time.0));
    }
}

/// Prices the ways of operands as if every stream went straight from middle to middle.
pub(super) fn price_straight(problem: &Problem<'_>, program: &mut Program) {
    let routes = edges(problem, program);
    price(problem, program, &routes);
}

/// Colours that a kernel uses inside: a chain along the rows and one along the columns, two each, since neighbours on a
/// chain cannot share one (published for WSE-2: two in a checkerboard).
const COLOURS_INSIDE: u32 = 4;

/// A wafer as the router sees it, and what it found.
type Routed = (Vec<Footprint>, Vec<Request>, Routing);

/// Finds a way and a colour for every stream that stays on its wafer; returns why this one and what else was weighed.
fn ways(problem: &Problem<'_>, program: &Program, routes: &mut [Route]) -> Vec<(String, Vec<Considered>)> {
    let fabric = Fabric::new(problem.device, problem.defects);
    let mut notes = vec![(String::new(), Vec::new()); routes.len()];
    let mut known: Vec<Routed> = Vec::new();
    // Regions and routes by wafer; kernels of a wafer are counted from its first.
    let mut local = vec![0; program.regions.len()];
    let mut footprints: Vec<Vec<Footprint>> = vec![Vec::new(); problem.wafers() as usize];
    for (index, region) in program.regions.iter().enumerate() {
        let here = &mut footprints[region.wafer as usize];
        local[index] = here.len();
        here.push(Footprint { rect: region.rect, colours: COLOURS_INSIDE });
    }
    let mut streams: Vec<BTreeMap<KernelId, Vec<usize>>> = vec![BTreeMap::new(); problem.wafers() as usize];
    for (index, route) in routes.iter().enumerate() {
        let wafer = program.regions[route.from.0 as usize].wafer;
        if wafer == program.regions[route.to.0 as usize].wafer {
            streams[wafer as usize].entry(route.from).or_default().push(index);
        }
    }
    for (kernels, streams) in footprints.into_iter().zip(streams) {
        let request = |(from, readers): (&KernelId, &Vec<usize>)| Request {
            from: End::Kernel { index: local[from.0 as usize], edge: Edge::East },
            to: readers
                .iter()
                .map(|&route| End::Kernel { index: local[routes[route].to.0 as usize], edge: Edge::West })
                .collect(),
            bytes: readers.first().map_or(0, |&route| routes[route].bytes.0),
            trunks: 1,
        };
        let requests: Vec<Request> = streams.iter().map(request).collect();
        let place = known.iter().position(|(held, asked, _)| *held == kernels && *asked == requests);
        let place = place.unwrap_or_else(|| {
            let routing = find_ways(&fabric, &kernels, &requests);
            known.push((kernels, requests, routing));
            known.len() - 1
        });
        for (readers, outcome) in streams.values().zip(&known[place].2.routes) {
            for &index in readers {
                notes[index] = commit(&mut routes[index], outcome);
            }
        }
    }
    notes
}

/// Gives a route the way that was found for it.
fn commit(route: &mut Route, outcome: &Outcome) -> (String, Vec<Considered>) {
    let routed = match outcome {
        Outcome::Routed(routed) => routed,
        Outcome::Unrouted(why) => return (why.to_string(), Vec::new()),
    };
    route.hops = routed.hops();
    route.colour = routed.trunks.first().map(|trunk| trunk.colour);
    route.path = routed.segments().collect();
    let choice = routed.trunks.first().map(|trunk| trunk.choice).unwrap_or_default();
    let mut considered = Vec::new();
    let open = choice.ways.saturating_sub(choice.blocked).saturating_sub(1);
    if open > 0 {
        let why_not = "their busiest link carries more, or they bend more".to_owned();
        considered.push(Considered { what: format!("{open} other shortest ways"), why_not, rect: None });
    }
    if choice.blocked > 0 {
        let why_not = "no colour is free all along".to_owned();
        considered.push(Considered { what: format!("{} more ways", choice.blocked), why_not, rect: None });
    }
    (routed.because(), considered)
}

/// The edges of the graph between kernels of the program, by reader.
fn edges(problem: &Problem<'_>, program: &Program) -> Vec<Route> {
    let neighbours = Neighbours::new(problem);
    let mut placed = vec![None; problem.graph.ops.len()];
    for (index, kernel) in program.kernels.iter().enumerate() {
        placed[kernel.op.0 as usize] = Some(KernelId(index as u32));
    }
    let mut routes = Vec::new();
    for (index, kernel) in problem.kernels.iter().enumerate() {
        let Some(to) = placed[kernel.op.0 as usize] else { continue };
        for &maker in neighbours.makers(index) {
            let Some(from) = placed[problem.kernels[maker].op.0 as usize] else { continue };
            let form = problem.form(maker);
            let bytes = form.positions.saturating_mul(form.output_width).saturating_mul(FP16_BYTES);
            let hops = region_hops(&program.regions[from.0 as usize], &program.regions[to.0 as usize], problem.device);
            routes.push(Route { from, to, hops, bytes: Bytes(bytes), colour: None, path: Vec::new() });
        }
    }
    routes
}

/// Hops of a stream on all wafers that it touches.
fn region_hops(from: &Region, to: &Region, device: &DeviceSpec) -> u32 {
    if from.wafer == to.wafer {
        return hops(from.rect, to.rect);
    }
    let columns = device.fabric_columns.value;
    let out = columns.saturating_sub(from.rect.centre().x);
    let through = (from.wafer.abs_diff(to.wafer) - 1).saturating_mul(columns);
    out.saturating_add(through).saturating_add(to.rect.centre().x)
}

/// Bytes of a micro-batch from each wafer to the next.
fn crossing_bytes(program: &Program, routes: &[Route], wafers: u32) -> Vec<u64> {
    let mut bytes = vec![0_u64; wafers as usize];
    for route in routes {
        let (from, to) = (&program.regions[route.from.0 as usize], &program.regions[route.to.0 as usize]);
        for boundary in from.wafer.min(to.wafer)..from.wafer.max(to.wafer) {
            let held = &mut bytes[boundary as usize];
            *held = held.saturating_add(route.bytes.0);
        }
    }
    bytes
}

fn wire_cycles(hops: u32, device: &DeviceSpec) -> Cycles {
    Cycles(u64::from(hops) * u64::from(device.hop_cycles.value))
}
