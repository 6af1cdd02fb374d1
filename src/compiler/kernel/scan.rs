//! Recurrences along the sequence: rows share the channels, columns the positions, in chunks one after the other.

use super::{Cut, FP16_BYTES, Form, Part, elementwise};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Extent, SramUse};
use crate::units::Cycles;
use crate::workload::OpKind;

/// One element of state per channel and position at the price of an element, twice in the backward pass. The chunks of
/// all columns run at the same time, as in the parallel scan of Gu and Dao ("Mamba", 2023, section 3.3); joining their
/// states along the row is not priced.
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut, train: bool) -> Cost {
    let OpKind::Scan { state, .. } = form.kind else { return Cost { cycles: Cycles::ZERO, multiply_adds: 0 } };
    let channels = cut.rows.tile();
    let own = cost.elementwise(cut.columns.tile().saturating_mul(channels).saturating_mul(state)).cycles.0;
    let own = if train { own.saturating_mul(2) } else { own };
    Cost { cycles: Cycles(own), multiply_adds: 0 }
}

/// The sequence in place, and the state of the channels.
pub(super) fn parts(form: &Form, cut: &Cut, put: &mut dyn FnMut(Part)) {
    let OpKind::Scan { state, .. } = form.kind else { return };
    elementwise::parts(form, cut, put);
    let bytes = cut.rows.tile().saturating_mul(state).saturating_mul(FP16_BYTES);
    put(("state", SramUse::Buffers, Extent::Uniform(bytes)));
}
