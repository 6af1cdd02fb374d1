//! The seventh pass: the SRAM of every kernel, by use. In a pipeline all of it is held for the whole run.

use super::{Problem, step};
use crate::compiler::kernel::{Cut, Form, Library, Part};
use crate::compiler::{Buffer, CompilerPass, Decision, Extent, Lifetime, Program, Split, SramUse};
use crate::units::{Bytes, format};

/// Adds the buffers of every kernel that has a place.
pub(super) fn allocate(problem: &Problem<'_>, program: &mut Program) {
    let mut planned = problem.kernels.iter().enumerate();
    for index in 0..program.kernels.len() {
        let op = program.kernels[index].op;
        // Kernels of the program are those of the problem, in order, without the ones that found no place.
        let Some((kernel, _)) = planned.find(|(_, planned)| planned.op == op) else { return };
        let (form, rect) = (problem.form(kernel), program.regions[index].rect);
        let groups = problem.shape(kernel, rect).groups;
        let cut = Library::cut(form, rect.width, rect.height, groups);
        let mut parts = Vec::new();
        problem.library.parts(form, &cut, &mut |part| parts.push(part));
        for part in parts {
            let (what, usage, extent) = cut.whole(part, form);
            let label = format!("{} {what}", program.kernels[index].label);
            let bytes_per_core = Bytes(extent.bytes_max());
            let because = format!("{} KiB on the fullest core", format::kib(bytes_per_core.0));
            let decision = Decision::BufferAllocated { label: label.clone(), bytes_per_core };
            program.steps.push(step(decision, CompilerPass::Allocate, because, "held for the whole run"));
            let regions = index as u32..index as u32 + 1;
            program.buffers.push(Buffer { label, usage, regions, extent, lifetime: Lifetime::Always });
        }
    }
}

impl Cut {
    /// A split over the columns of one copy, continued over all copies that stand side by side.
    pub(super) fn side_by_side(&self, split: Split, copies: u32) -> Split {
        let beside = copies / self.turns;
        Split { total: split.total.saturating_mul(u64::from(beside)), parts: split.parts * beside }
    }

    /// A part of one copy on all cores of the rectangle, for all copies that share them.
    fn whole(&self, (what, usage, extent): Part, form: &Form) -> Part {
        let turns = u64::from(self.turns);
        let extent = match extent {
            Extent::Uniform(bytes) if usage == SramUse::Code => Extent::Uniform(bytes),
            Extent::Uniform(bytes) => Extent::Uniform(bytes.saturating_mul(turns)),
            Extent::Grid { rows, columns, bytes_per_element } => Extent::Grid {
                rows,
                columns: self.side_by_side(columns, form.copies),
                bytes_per_element: bytes_per_element * turns,
            },
        };
        (what, usage, extent)
    }
}
