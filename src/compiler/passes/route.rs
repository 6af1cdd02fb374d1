//! The sixth pass: every edge of the graph becomes a stream, and what streams cost the kernels that wait for them.
//!
//! A stream runs from middle to middle, east or west first and then north or south. Between wafers it leaves over the
//! east edge and comes in over the west edge of the next one, with all others that go the same way.

use super::place::Neighbours;
use super::{Problem, step};
use crate::compiler::kernel::FP16_BYTES;
use crate::compiler::resident::hops;
use crate::compiler::{CompilerPass, Decision, KernelId, Program, Region, Route, Schedule};
use crate::hardware::DeviceSpec;
use crate::units::{Bytes, Cycles, format};

/// Adds a route for each edge between kernels that have a place, and prices the way of operands.
pub(super) fn route(problem: &Problem<'_>, program: &mut Program) {
    let routes = edges(problem, program);
    let crossing = crossing_bytes(program, &routes, problem.wafers());
    let Schedule::Pipeline { stages, .. } = &mut program.schedule else { return };
    if let Some(first) = program.regions.first() {
        // The first kernel is fed from the wafer's west edge.
        stages[0].latency = wire_cycles(first.rect.x, problem.device);
    }
    for route in &routes {
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
    for route in &routes {
        let (from, to) = (&program.regions[route.from.0 as usize], &program.regions[route.to.0 as usize]);
        let waits = route.to.0 - route.from.0 - 1;
        let over = if from.wafer == to.wafer {
            String::new()
        } else {
            format!(", from wafer {} to wafer {}", from.wafer, to.wafer)
        };
        let past = match waits {
            0 => String::new(),
            waits => format!(", past {waits} kernels, and waits at its reader"),
        };
        let bytes = format::bytes(route.bytes.0);
        let because = format!("{bytes} for each micro-batch over {} hops{over}{past}", route.hops);
        let decision = Decision::RouteCommitted { from: route.from, to: route.to, hops: route.hops };
        program.steps.push(step(decision, CompilerPass::Route, because, "every edge of the graph is a stream"));
    }
    program.routes = routes;
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
            routes.push(Route { from, to, hops, bytes: Bytes(bytes) });
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
