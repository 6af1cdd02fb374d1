//! A decision of the compiler in words: what was chosen, about what, and how it stands in one line.

use crate::compiler::{Decision, Step};
use crate::hardware::Rect;
use crate::sim::Scene;
use crate::units::{Cycles, format};

/// The title of a step: `Placed block 3 mlp.up`.
pub(super) fn title(scene: &Scene, step: &Step) -> String {
    let name = |op| crate::compiler::resident::label_of(&scene.graph, op);
    let kernel = |id| scene.program.kernel(id).label.as_str();
    match &step.decision {
        Decision::MicroBatchChosen { .. } => "Chose the micro-batch".to_owned(),
        Decision::LanePlaced { .. } => "Divided the wafer".to_owned(),
        Decision::KernelSized { op, .. } => format!("Sized {}", name(*op)),
        Decision::RegionPlaced { op, .. } => format!("Placed {}", name(*op)),
        Decision::RouteCommitted { from, to, .. } => format!("Joined {} to {}", kernel(*from), kernel(*to)),
        Decision::BufferAllocated { label, .. } => format!("Set SRAM aside for {label}"),
        Decision::Rejected { op, .. } => format!("Rejected {}", name(*op)),
        Decision::ModelRead { .. } => "Read the model".to_owned(),
        Decision::Fused { into, .. } => format!("Fused into {}", name(*into)),
        Decision::WaferFilled { wafer, .. } => format!("Filled wafer {wafer}"),
        Decision::ChunkChosen { .. } => "Chose the chunk".to_owned(),
        Decision::LayoutChosen { .. } => "Chose the layout".to_owned(),
        Decision::TargetChosen { .. } => "Chose the target time".to_owned(),
        Decision::Checked { .. } => "Checked the program".to_owned(),
    }
}

/// What was chosen, in numbers.
pub(super) fn chose(scene: &Scene, step: &Step) -> String {
    match &step.decision {
        Decision::MicroBatchChosen { sequences, lanes, recompute, .. } => {
            let kept = if *recompute { "computed again" } else { "kept" };
            format!("{sequences} sequences, {lanes} lanes, activations {kept}")
        }
        Decision::LanePlaced { rect } | Decision::RegionPlaced { rect, .. } => place(*rect),
        Decision::KernelSized { width, height, compute, sram_per_core, .. } => {
            let time = format::duration(compute.seconds(scene.device.clock_run_hz.value).0);
            format!("{width}×{height} cores, {time} a micro-batch, {} KiB a core", format::kib(sram_per_core.0))
        }
        Decision::RouteCommitted { hops, colour, .. } => {
            let hops = counted(u64::from(*hops), "hop");
            colour.map_or_else(|| hops.clone(), |colour| format!("{hops} in colour {colour}"))
        }
        Decision::BufferAllocated { bytes_per_core, .. } => format!("{} KiB a core", format::kib(bytes_per_core.0)),
        Decision::Rejected { why, .. } => why.clone(),
        Decision::ModelRead { operators, kernels } => format!("{operators} operators, {kernels} kernels"),
        Decision::Fused { operators, .. } => counted(u64::from(*operators), "operator"),
        Decision::WaferFilled { first, last, kernels, .. } => {
            let name = |op| crate::compiler::resident::label_of(&scene.graph, op);
            format!("{}, from {} to {}", counted(u64::from(*kernels), "kernel"), name(*first), name(*last))
        }
        Decision::ChunkChosen { tokens, micro_batches } => {
            format!("{} at a time, {}", counted(*tokens, "token"), counted(*micro_batches, "micro-batch"))
        }
        Decision::LayoutChosen { way, run } => {
            let time = format::duration(run.seconds(scene.device.clock_run_hz.value).0);
            format!("{}, {time} a run", way.words())
        }
        Decision::TargetChosen { target, floor } => {
            let time = |cycles: &Cycles| format::duration(cycles.seconds(scene.device.clock_run_hz.value).0);
            format!("{} a micro-batch, at least {} by area alone", time(target), time(floor))
        }
        Decision::Checked { regions, violations } => {
            format!("{}, {}", counted(u64::from(*regions), "region"), counted(u64::from(*violations), "violation"))
        }
    }
}

/// `1 operator`, `3 operators`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", format::grouped(count))
}

/// `734, 504  28×64`
pub(super) fn place(rect: Rect) -> String {
    format!("{}, {}  {}×{}", rect.x, rect.y, rect.width, rect.height)
}
