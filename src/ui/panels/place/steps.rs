//! A decision of the compiler in words: what was chosen, about what, and how it stands in one line.

use crate::compiler::{Decision, Step};
use crate::hardware::Rect;
use crate::sim::Scene;
use crate::units::format;

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
            format!("{width}×{height} cores, {time} a sequence, {} KiB a core", format::kib(sram_per_core.0))
        }
        Decision::RouteCommitted { hops, .. } => format!("{} hops", format::grouped(u64::from(*hops))),
        Decision::BufferAllocated { bytes_per_core, .. } => format!("{} KiB a core", format::kib(bytes_per_core.0)),
        Decision::Rejected { why, .. } => why.clone(),
    }
}

/// `734, 504  28×64`
pub(super) fn place(rect: Rect) -> String {
    format!("{}, {}  {}×{}", rect.x, rect.y, rect.width, rect.height)
}
