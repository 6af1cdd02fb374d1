//! Packing by shelves: bands of rows that run the whole width and turn at the end, so that kernels in order of flow stay
//! neighbours. Near-linear in the number of kernels, whatever the number of wafers.

use std::collections::BTreeMap;

use super::chunk::micro_batches;
use super::partition::units;
use super::{Layout, Problem, Site};
use crate::compiler::Work;
use crate::compiler::check::check_rect;
use crate::hardware::Rect;

/// Numbers of shelves that are tried.
pub(super) const SHELVES_TRIED: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// Halvings of the target time at most; the search ends sooner when the target is known to one part in 64.
const TARGET_HALVINGS: u32 = 40;

/// Longest row of wafers that is asked for.
const WAFERS_MAX: u32 = 100_000;

/// The layout with the most kernels placed, and among those the shortest run; where some kernel has no place, the
/// shortest slowest kernel.
pub(super) fn best(problem: &Problem<'_>, floor: Option<u64>) -> Layout {
    let mut costs = Costs::default();
    let mut best: Option<(Layout, u64)> = None;
    for packer in packers(problem, problem.wafers()) {
        let layout = packer.search(floor.unwrap_or(0));
        let whole = layout.placed() == problem.kernels.len();
        let time = if whole { costs.run(problem, &layout) } else { layout.slowest(problem) };
        let better = best.as_ref().is_none_or(|(held, least)| {
            (layout.placed(), std::cmp::Reverse(time)) > (held.placed(), std::cmp::Reverse(*least))
        });
        if better {
            best = Some((layout, time));
        }
    }
    let nothing = || Layout { sites: vec![None; problem.kernels.len()], target: 0, whole_blocks: true };
    best.map_or_else(nothing, |(layout, _)| layout)
}

/// What forms cost on boxes, worked out once.
#[derive(Default)]
struct Costs {
    /// Cycles to take a micro-batch in, and to compute it.
    known: BTreeMap<(usize, u32, u32), (u64, u64)>,
}

impl Costs {
    /// Time of a run as far as layouts of shelves differ: with what kernels take in, compute and hand on, without ways.
    fn run(&mut self, problem: &Problem<'_>, layout: &Layout) -> u64 {
        let mut stages: Vec<(u64, u64)> = Vec::with_capacity(layout.sites.len());
        for (kernel, site) in layout.sites.iter().enumerate() {
            let Some(Site { rect, .. }) = *site else { continue };
            let cost = || {
                let receive = problem.library.receive(problem.form(kernel), rect.height).0;
                (receive, problem.shape(kernel, rect).cycles.0.saturating_sub(receive))
            };
            let key = (problem.kernels[kernel].form, rect.width, rect.height);
            stages.push(*self.known.entry(key).or_insert_with(cost));
        }
        let last = layout.sites.last().copied().flatten();
        let drain =
            last.map_or(0, |site| problem.library.drain(problem.form(layout.sites.len() - 1), site.rect.height).0);
        let handed_on = stages.iter().skip(1).map(|(receive, _)| *receive);
        let last = if problem.job.work == Work::Train { 0 } else { drain };
        let busy = stages.iter().zip(handed_on.chain([last])).map(|((receive, compute), on)| receive + compute + on);
        let pace = busy.max().unwrap_or(0);
        let first: u64 = stages.iter().map(|(receive, compute)| receive + compute).sum();
        let behind = micro_batches(problem.job, problem.chunk).saturating_sub(1);
        first.saturating_add(drain).saturating_add(behind.saturating_mul(pace))
    }
}

/// The fewest wafers on which every kernel finds a place, however slow.
pub(super) fn fewest_wafers(problem: &Problem<'_>) -> Option<u32> {
    packers(problem, WAFERS_MAX).filter_map(|packer| packer.pack(u64::MAX).map(|(_, wafers)| wafers)).min()
}

/// Every way to pack: with whole blocks first, and cut anywhere where there are several wafers.
fn packers<'a>(problem: &'a Problem<'a>, wafers: u32) -> impl Iterator<Item = Packer<'a>> {
    let rows = problem.device.fabric_rows.value;
    let cuts: &[bool] = if wafers > 1 { &[true, false] } else { &[true] };
    cuts.iter().flat_map(move |&whole_blocks| {
        let counts = SHELVES_TRIED.into_iter().filter(move |&shelves| shelves <= rows);
        counts.map(move |shelves| Packer {
            problem,
            wafers,
            height: rows / shelves,
            shelves,
            whole_blocks,
            units: units(problem, whole_blocks),
        })
    })
}

/// Packs kernels on shelves of one height.
struct Packer<'a> {
    problem: &'a Problem<'a>,
    wafers: u32,
    height: u32,
    shelves: u32,
    whole_blocks: bool,
    /// Kernels that stay together.
    units: Vec<std::ops::Range<usize>>,
}

/// How far the shelves are filled.
#[derive(Clone, Copy)]
struct Cursor {
    wafer: u32,
    shelf: u32,
    along: u32,
}

impl Packer<'_> {
    /// Bisects the target time for the lowest at which everything is placed; nothing is below `floor`.
    fn search(&self, floor: u64) -> Layout {
        let Some((mut fits, _)) = self.pack(u64::MAX) else { return self.pack_partly() };
        let (mut low, mut high) = (floor.saturating_sub(1), fits.slowest(self.problem));
        for _ in 0..TARGET_HALVINGS {
            if high.saturating_sub(low) <= high / 64 {
                break;
            }
            let middle = u64::midpoint(low, high);
            match self.pack(middle) {
                Some((tried, _)) => {
                    high = middle;
                    fits = tried;
                }
                None => low = middle,
            }
        }
        fits
    }

    /// Width and height of each form at `target`.
    fn sizes(&self, target: u64) -> Vec<Option<(u32, u32)>> {
        let library = &self.problem.library;
        let size = |form| {
            let height = self.height.min(library.side_max(form).1);
            library.narrowest(form, height, target).map(|shape| (shape.width, height))
        };
        self.problem.forms.iter().map(size).collect()
    }

    /// Places everything at `target`, a wafer after the other; also the number of wafers in use. `None` if it does not fit.
    fn pack(&self, target: u64) -> Option<(Layout, u32)> {
        let sizes = self.sizes(target);
        let mut sites = vec![None; self.problem.kernels.len()];
        let mut cursor = Cursor { wafer: 0, shelf: 0, along: 0 };
        for unit in self.units.iter().cloned() {
            let begun = cursor;
            if self.place_all(unit.clone(), &sizes, &mut cursor, &mut sites) {
                continue;
            }
            // A block that does not fit behind the others begins the next wafer; one that fits none is cut.
            let mut fresh = Cursor { wafer: begun.wafer + 1, shelf: 0, along: 0 };
            if fresh.wafer < self.wafers && self.place_all(unit.clone(), &sizes, &mut fresh, &mut sites) {
                cursor = fresh;
                continue;
            }
            cursor = begun;
            for kernel in unit {
                while !self.place_all(kernel..kernel + 1, &sizes, &mut cursor, &mut sites) {
                    // What does not fit an empty wafer fits none.
                    if cursor.wafer + 1 >= self.wafers || (cursor.shelf, cursor.along) == (0, 0) {
                        return None;
                    }
                    cursor = Cursor { wafer: cursor.wafer + 1, shelf: 0, along: 0 };
                }
            }
        }
        let wafers = sites.iter().flatten().map(|site: &Site| site.wafer + 1).max().unwrap_or(1);
        Some((Layout { sites, target, whole_blocks: self.whole_blocks }, wafers))
    }

    /// Places some kernels on the cursor's wafer, or leaves cursor and sites as if nothing had been tried.
    fn place_all(
        &self,
        kernels: std::ops::Range<usize>,
        sizes: &[Option<(u32, u32)>],
        cursor: &mut Cursor,
        sites: &mut [Option<Site>],
    ) -> bool {
        let mut moved = *cursor;
        for kernel in kernels {
            sites[kernel] = self.problem.pin(kernel).or_else(|| {
                let (width, height) = sizes[self.problem.kernels[kernel].form]?;
                self.place(&mut moved, width, height)
            });
            if sites[kernel].is_none() {
                return false;
            }
        }
        *cursor = moved;
        true
    }

    /// Places what fits at any speed, in the order of flow, and leaves out the rest.
    fn pack_partly(&self) -> Layout {
        let sizes = self.sizes(u64::MAX);
        let mut sites = vec![None; self.problem.kernels.len()];
        let mut cursor = Cursor { wafer: 0, shelf: 0, along: 0 };
        for kernel in 0..sites.len() {
            let begun = cursor;
            while !self.place_all(kernel..kernel + 1, &sizes, &mut cursor, &mut sites) {
                if cursor.wafer + 1 >= self.wafers {
                    // A smaller one may still fit where this one did not.
                    cursor = begun;
                    break;
                }
                cursor = Cursor { wafer: cursor.wafer + 1, shelf: 0, along: 0 };
            }
        }
        Layout { sites, target: u64::MAX, whole_blocks: false }
    }

    /// The next free place along the shelves of this wafer, skipping what the user placed and cores that are lost.
    fn place(&self, cursor: &mut Cursor, width: u32, height: u32) -> Option<Site> {
        let columns = self.problem.device.fabric_columns.value;
        let wafer = cursor.wafer;
        let pinned = || self.problem.pinned.iter().filter(move |placement| placement.wafer == wafer);
        while cursor.shelf < self.shelves {
            if cursor.along + width > columns {
                (cursor.shelf, cursor.along) = (cursor.shelf + 1, 0);
                continue;
            }
            // Every other shelf runs west, so that the flow turns instead of jumping back.
            let east = cursor.shelf.is_multiple_of(2);
            let x = if east { cursor.along } else { columns - cursor.along - width };
            let rect = Rect { x, y: cursor.shelf * self.height, width, height };
            if let Some(shared) = pinned().find_map(|placement| placement.rect.intersection(&rect)) {
                let skip = if east { shared.right() - x } else { rect.right() - shared.x };
                cursor.along += skip.max(1);
            } else if check_rect("", rect, self.problem.device, self.problem.defects).is_empty() {
                cursor.along += width;
                return Some(Site { wafer, rect });
            } else {
                cursor.along += 1;
            }
        }
        None
    }
}
