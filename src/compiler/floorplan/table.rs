//! Shape curves of all kinds at one target time, computed once and shared by the threads of a search.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Problem;
use super::curve::Curve;

/// Bytes of curves that are kept.
const KEPT_BYTES: usize = 192 << 20;

/// The curves of every kind at one target time.
pub(super) struct Table {
    pub(super) ticks: u64,
    curves: Vec<Curve>,
    kind_of: Arc<[u32]>,
}

impl Table {
    /// The curve of a block.
    pub(super) fn curve(&self, block: u32) -> &Curve {
        &self.curves[self.kind_of[block as usize] as usize]
    }

    /// Least area of a block, in cores; `None` if it does not fit into the area at all.
    pub(super) fn least_area(&self, block: u32, area: [u32; 2]) -> Option<u64> {
        let corners = self.curve(block).corners(area[0], area[1]);
        corners.map(|[width, height]| u64::from(width) * u64::from(height)).min()
    }
}

/// Tables by target time.
pub(super) struct Tables<'p> {
    problem: &'p Problem<'p>,
    /// Longest side that curves know: beyond the area, so that a search sees how far it is from fitting.
    pub(super) side: u32,
    kind_of: Arc<[u32]>,
    kept: Mutex<BTreeMap<u64, Arc<Table>>>,
    kept_max: usize,
}

impl<'p> Tables<'p> {
    pub(super) fn new(problem: &'p Problem<'p>) -> Self {
        // A ninth more; the whole is a multiple of sixteen, which suits vector registers.
        let side = (problem.side() * 10 / 9 + 16) / 16 * 16 + 15;
        let bytes = problem.kinds.len() * (side as usize + 1) * 4;
        Self {
            problem,
            side,
            kind_of: problem.blocks.iter().map(|block| block.kind as u32).collect(),
            kept: Mutex::new(BTreeMap::new()),
            kept_max: (KEPT_BYTES / bytes.max(1)).clamp(4, 4_096),
        }
    }

    /// The table at `ticks`. Computed outside the lock: two threads may do the same work, with the same result.
    pub(super) fn at(&self, ticks: u64) -> Arc<Table> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = lock().get(&ticks) {
            return Arc::clone(table);
        }
        let curves = self.problem.kinds.iter().map(|kind| kind.curve(ticks, self.side)).collect();
        let table = Arc::new(Table { ticks, curves, kind_of: Arc::clone(&self.kind_of) });
        let mut kept = lock();
        while kept.len() >= self.kept_max {
            // The longest times are left behind first as a search goes on.
            kept.pop_last();
        }
        kept.insert(ticks, Arc::clone(&table));
        table
    }
}
