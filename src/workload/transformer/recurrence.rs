//! Recurrences along the sequence as a part of a block: state space models and linear attention.
//!
//! All are one projection in, a short convolution along the sequence, a scan over a state, a gate, and a projection out;
//! they differ in how the scan's coefficients are made (Gu & Dao 2023, arXiv:2312.00752; Dao & Gu 2024,
//! arXiv:2405.21060; Yang et al. 2024, gated delta networks, arXiv:2412.06464).

use super::builder::Builder;
use crate::workload::graph::{Convolution, OpId, OpKind};

/// A convolution along the sequence in which every channel is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolved {
    pub channels: u64,
    /// Tokens that an output sees.
    pub taps: u64,
    pub bias: bool,
}

/// One recurrent part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// Outputs of the projection of the stream: values, gate, coefficients, whatever comes straight from it.
    pub projected: u64,
    pub bias: bool,
    pub convolved: Convolved,
    /// Rank of the step size, if it and the state's two vectors are made from the convolved values (Mamba).
    pub selected: Option<u64>,
    /// Whether these three are normalised with a scale (Jamba).
    pub selected_norm: bool,
    /// Ranks and widths of further gates that pass through a narrow projection, with a bias on the wide side or not.
    pub low_rank: Vec<(u64, u64, bool)>,
    /// Channels of the scan.
    pub width: u64,
    /// Elements of the state of one channel.
    pub state: u64,
    /// Trained elements of the scan itself: decay, step, skip.
    pub scan_parameters: u64,
    /// Trained elements of the norm beside the gate; `None` if there is only a gate.
    pub gate_norm: Option<u64>,
}

impl Builder<'_> {
    pub(super) fn recurrence(&mut self, shape: &Recurrence, input: OpId) -> OpId {
        let Recurrence { width, state, .. } = *shape;
        let hidden = self.hidden;
        let projected = self.matmul("ssm.in", (hidden, shape.projected), shape.bias, vec![input]);
        let mut scanned = vec![self.convolved(shape.convolved, projected)];
        if let Some(rank) = shape.selected {
            let select = rank + 2 * state;
            let mut selected = self.matmul("ssm.select", (width, select), false, vec![scanned[0]]);
            if shape.selected_norm {
                selected = self.inner_norm("ssm.select_norm", select, select, selected);
            }
            let step = self.matmul("ssm.step", (rank, width), true, vec![selected]);
            scanned.extend([step, selected]);
        } else {
            // The coefficients come straight from the projection.
            scanned.push(projected);
        }
        let mut gate = projected;
        for (index, &(rank, wide, bias)) in shape.low_rank.iter().enumerate() {
            let down = self.matmul(&format!("ssm.gate{}_down", index + 1), (hidden, rank), false, vec![input]);
            let up = self.matmul(&format!("ssm.gate{}_up", index + 1), (rank, wide), bias, vec![down]);
            // The first shapes the scan, the last weighs what comes out of it.
            if index + 1 == shape.low_rank.len() { gate = up } else { scanned.push(up) }
        }
        let mut values = self.push("ssm.scan", OpKind::Scan { width, state }, shape.scan_parameters, scanned);
        if let Some(parameters) = shape.gate_norm {
            values = self.inner_norm("ssm.norm", width, parameters, values);
        }
        let gated = self.activation("ssm.gated", width, true, vec![values, gate]);
        self.matmul("ssm.out", (width, hidden), shape.bias, vec![gated])
    }

    fn convolved(&mut self, shape: Convolved, input: OpId) -> OpId {
        let Convolved { channels, taps, bias } = shape;
        let kind = OpKind::Convolution(Convolution {
            in_channels: channels,
            out_channels: channels,
            groups: channels,
            window: [1, taps],
            stride: [1, 1],
            output: [1, self.shape.sequence],
        });
        let owned = channels.saturating_mul(taps).saturating_add(if bias { channels } else { 0 });
        let convolved = self.push("ssm.conv", kind, owned, vec![input]);
        self.activation("ssm.act", channels, false, vec![convolved])
    }
}
