//! The first pass: which operators become kernels, and what each of them asks of its kernel.

use std::collections::BTreeMap;

use super::{Planned, Problem, step};
use crate::compiler::kernel::{Form, Library, forms};
use crate::compiler::{CompilerPass, Decision, Job, Placement, Step};
use crate::hardware::{DefectMap, DeviceSpec};
use crate::units::format;
use crate::workload::Graph;

/// Lists the kernels. Also returns the pins that lie outside the row or the wafer: they are reported, and the compiler
/// looks for a place instead.
pub(super) fn read<'a>(
    graph: &'a Graph,
    device: &'a DeviceSpec,
    defects: &'a DefectMap,
    job: &'a Job,
    chunk: u64,
    pinned: &[Placement],
    steps: &mut Vec<Step>,
) -> (Problem<'a>, Vec<Placement>) {
    let inside = |placement: &&Placement| {
        placement.wafer < job.wafers()
            && placement.rect.right() <= device.fabric_columns.value
            && placement.rect.bottom() <= device.fabric_rows.value
    };
    let (kept, off): (Vec<&Placement>, Vec<&Placement>) = pinned.iter().partition(inside);
    let mut known: BTreeMap<Form, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    let planned = |(op, form): (_, Form)| {
        let index = *known.entry(form).or_insert_with(|| {
            distinct.push(form);
            distinct.len() - 1
        });
        Planned { op, block: graph.op(op).block, form: index }
    };
    let kernels: Vec<Planned> = forms(graph, job, chunk).into_iter().map(planned).collect();
    let because = format!(
        "{} operators with {} parameters; {} of them become kernels, of {} kinds, {} positions in a micro-batch",
        format::grouped(graph.ops.len() as u64),
        format::parameters(graph.parameters()),
        format::grouped(kernels.len() as u64),
        distinct.len(),
        format::grouped(chunk),
    );
    let decision = Decision::ModelRead { operators: graph.ops.len() as u32, kernels: kernels.len() as u32 };
    steps.push(step(decision, CompilerPass::Read, because, "an operator is a kernel; a loss is one in training only"));
    let library = Library::new(device, job);
    let pinned = kept.into_iter().copied().collect();
    let problem = Problem { graph, device, defects, job, chunk, library, kernels, forms: distinct, pinned };
    (problem, off.into_iter().copied().collect())
}
