//! The judgement of what is in hand where it hovers: legal, legal but worse, or not legal, with reasons and figures.
//!
//! The rules are the compiler's own, so that what is dropped legally also compiles.

use super::draft::{Draft, Hand};
use super::suggest::Spot;
use super::survey::Survey;
use super::tally::{Tally, cost, streams};
use crate::compiler::{Violation, check, resident};
use crate::hardware::{Core, Rect};
use crate::sim::Scene;
use crate::units::Cycles;
use crate::workload::OpId;

/// A spot is worse than the best one if it is farther from its neighbours by this share and by [`WORSE_HOPS`].
const WORSE_SHARE: f64 = 0.25;
/// Hops that are not worth a word.
const WORSE_HOPS: u64 = 16;

/// A placed kernel that what is in hand exchanges data with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub op: OpId,
    pub rect: Rect,
    pub hops: u32,
    pub end: End,
    /// Bytes of one micro-batch.
    pub bytes: u64,
}

/// Which end of a stream a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It sends.
    Source,
    /// It receives.
    Sink,
}

/// Whether a kernel may be dropped, and what it would do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub rect: Rect,
    /// Worst first; empty if it may.
    pub violations: Vec<Violation>,
    /// Where it clashes: with kernels, with dead cores, or beyond the wafer's edge.
    pub clashes: Vec<Rect>,
    /// Time for one micro-batch on this shape.
    pub cycles: Cycles,
    pub sram_bytes_per_core: u64,
    /// Hops times bytes of its own streams.
    pub wire: u64,
    /// Sum of the hops of its own streams.
    pub hops: u64,
    /// What the draft would come to with it.
    pub after: Tally,
}

/// Legal, legal but worse, or not legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Legal,
    /// So many hops more than at the best spot.
    Worse {
        hops: u64,
    },
    Illegal,
}

impl Judgement {
    /// The verdict, beside the spots that were found for the same shape.
    pub fn verdict(&self, spots: &[Spot]) -> Verdict {
        if !self.violations.is_empty() {
            return Verdict::Illegal;
        }
        let Some(best) = spots.first() else { return Verdict::Legal };
        let hops = self.hops.saturating_sub(best.hops);
        let worse = self.wire as f64 > best.wire as f64 * (1.0 + WORSE_SHARE) && hops >= WORSE_HOPS;
        if worse { Verdict::Worse { hops } } else { Verdict::Legal }
    }
}

impl Draft {
    /// The placed kernels that send to `op` or receive from it, with the hops to it if it stood at `rect`.
    pub fn neighbours(&self, scene: &Scene, op: OpId, rect: Rect) -> Vec<Neighbour> {
        let near = streams(scene).into_iter().filter_map(|stream| {
            let (other, end) = match op {
                op if op == stream.to => (stream.from, End::Source),
                op if op == stream.from => (stream.to, End::Sink),
                _ => return None,
            };
            let placed = self.rect_of(other)?;
            let hops = resident::hops(placed, rect);
            Some(Neighbour { op: other, rect: placed, hops, end, bytes: stream.bytes })
        });
        near.collect()
    }

    /// Judges what is in hand with its north-west corner at `corner`. `survey` is that of what is placed.
    pub fn judge(&self, scene: &Scene, survey: &Survey, corner: Core) -> Option<Judgement> {
        let hand = self.hand?;
        let Hand { op, width, height, .. } = hand;
        let rect = hand.rect_at(corner);
        let (mut violations, mut clashes) = self.clashes(scene, op, rect);
        violations.sort_by_key(|violation| match violation {
            Violation::Overlap { cores, .. } => std::cmp::Reverse(*cores),
            _ => std::cmp::Reverse(0),
        });
        let who = resident::label_of(&scene.graph, op);
        violations.extend(check::check_rect(&who, rect, &scene.device, &scene.defects));
        clashes.extend(unusable(scene, rect));
        let shape = cost(scene, op, (width, height));
        let available = u64::from(scene.device.sram_bytes_per_core.value);
        if shape.sram_bytes_per_core > available {
            violations.push(Violation::SramExceeded { who, needed: shape.sram_bytes_per_core, available });
        }
        let neighbours = self.neighbours(scene, op, rect);
        let wire = neighbours.iter().map(|neighbour| u64::from(neighbour.hops) * neighbour.bytes).sum();
        let mut links = survey.links().clone();
        for neighbour in &neighbours {
            let (maker, ends) = match neighbour.end {
                End::Source => (neighbour.op, (neighbour.rect, rect)),
                End::Sink => (op, (rect, neighbour.rect)),
            };
            links.add(0, maker, ends, neighbour.bytes);
        }
        Some(Judgement {
            rect,
            violations,
            clashes,
            cycles: shape.cycles,
            sram_bytes_per_core: shape.sram_bytes_per_core,
            wire,
            hops: neighbours.iter().map(|neighbour| u64::from(neighbour.hops)).sum(),
            after: survey.tally.with(op, shape, wire, links.peak()),
        })
    }

    /// The placed kernels that `rect` overlaps, and where.
    fn clashes(&self, scene: &Scene, op: OpId, rect: Rect) -> (Vec<Violation>, Vec<Rect>) {
        let others = self.placed.iter().filter(|(other, _)| *other != op);
        let shared = others.filter_map(|(other, placed)| Some((*other, rect.intersection(placed)?)));
        let judged = shared.map(|(other, shared)| {
            let who = resident::label_of(&scene.graph, op);
            let with = resident::label_of(&scene.graph, other);
            (Violation::Overlap { who, with, cores: shared.cores() }, shared)
        });
        judged.unzip()
    }
}

/// The parts of a rectangle that lie beyond the wafer or on cores that are lost.
pub(super) fn unusable(scene: &Scene, rect: Rect) -> Vec<Rect> {
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    let mut parts = Vec::new();
    if rect.right() > columns {
        let x = rect.x.max(columns);
        parts.push(Rect { x, width: rect.right() - x, ..rect });
    }
    if rect.bottom() > rows {
        let y = rect.y.max(rows);
        parts.push(Rect { y, height: rect.bottom() - y, ..rect });
    }
    if scene.defects.lost_count() > 0 {
        let right = rect.right().min(columns);
        for y in rect.y..rect.bottom().min(rows) {
            let x = scene.defects.placed_columns(y).max(rect.x);
            if x < right {
                parts.push(Rect { x, y, width: right - x, height: 1 });
            }
        }
    }
    parts
}
