//! The lane of phases: what the main track did in the stretch that is shown, as labelled blocks.
//!
//! The lane shows phases, blocks of the model or passes, the finest of these that is wide enough to read; what is still
//! too narrow is drawn as one block with a count. Only what is shown is looked at, and only as often as it has points.

use std::ops::Range;
use std::sync::Arc;

use egui::{Align2, Color32, Painter, Rect, Stroke, StrokeKind, pos2};

use super::scale::TimeScale;
use crate::compiler::{Pass, Program, Schedule};
use crate::hardware::Core;
use crate::sim::trace::{Track, TrackKind};
use crate::sim::{OpClass, Scene, Trace, metrics};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::text;
use crate::view::Ramp;

/// Blocks narrower than this are merged.
const POINTS_MIN: f32 = 3.0;
/// Points that the average block should have.
const POINTS_AVERAGE: f32 = 5.0;

/// Neighbouring intervals that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    start: u64,
    end: u64,
    micro_batch: u32,
    backward: bool,
    block: Option<u32>,
}

/// What the lane knows about a run: grows with the trace, and starts afresh with another program or track.
#[derive(Default)]
pub(super) struct Groups {
    program: Option<Arc<Program>>,
    track: usize,
    /// Intervals that are already in the groups.
    seen: usize,
    blocks: Vec<Group>,
    passes: Vec<Group>,
    /// The track of a finished pipeline's slowest kernel.
    slowest: Option<usize>,
}

impl Groups {
    /// Takes in what is new, and returns the track that the lane shows: the lanes of a streaming program, the kernel of
    /// the pinned core, or the slowest kernel.
    pub(super) fn update<'t>(&mut self, scene: &Scene, trace: &'t Trace, pinned: Option<Core>) -> Option<&'t Track> {
        if !self.program.as_ref().is_some_and(|program| Arc::ptr_eq(program, &scene.program)) {
            *self = Self { program: Some(Arc::clone(&scene.program)), ..Self::default() };
        }
        let track = self.choose(scene, trace, pinned);
        let intervals = &trace.tracks.get(track)?.intervals;
        if track != self.track || intervals.len() < self.seen {
            (self.track, self.seen) = (track, 0);
            self.blocks.clear();
            self.passes.clear();
        }
        for interval in &intervals[self.seen..] {
            let task = interval.task;
            let streaming = matches!(scene.program.schedule, Schedule::Streaming { .. });
            let block = scene.graph.op(scene.program.kernel(task.kernel).op).block.filter(|_| streaming);
            let group = Group {
                start: interval.start,
                end: interval.end,
                micro_batch: task.micro_batch,
                backward: task.pass != Pass::Forward,
                block,
            };
            extend(&mut self.blocks, group);
            extend(&mut self.passes, Group { block: None, ..group });
        }
        self.seen = intervals.len();
        trace.tracks.get(track)
    }

    fn choose(&mut self, scene: &Scene, trace: &Trace, pinned: Option<Core>) -> usize {
        if matches!(scene.program.schedule, Schedule::Streaming { .. }) {
            return 0;
        }
        if trace.finished && self.slowest.is_none() {
            self.slowest = metrics::slowest_track(scene, trace).map(|(track, _)| track);
        }
        let region = pinned.and_then(|core| scene.program.region_at(core)).map(|region| region as usize);
        region.or(self.slowest).unwrap_or(0)
    }
}

fn extend(groups: &mut Vec<Group>, group: Group) {
    let same = |last: &&mut Group| {
        (last.micro_batch, last.backward, last.block) == (group.micro_batch, group.backward, group.block)
    };
    match groups.last_mut().filter(same) {
        Some(last) => last.end = group.end,
        None => groups.push(group),
    }
}

/// One block of the lane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub from: u64,
    pub to: u64,
    pub label: String,
    /// Its top edge; grey where several kinds are merged.
    colour: Option<Color32>,
}

/// A boundary that the ruler names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Boundary {
    pub cycle: u64,
    pub label: String,
}

/// What the lane draws.
#[derive(Default)]
pub(super) struct Lane {
    /// Whose activities they are, where each kernel has its own.
    pub owner: Option<String>,
    pub pieces: Vec<Piece>,
    pub boundaries: Vec<Boundary>,
}

/// The blocks of `track` over `scale`.
pub(super) fn lane(scene: &Scene, groups: &Groups, track: &Track, scale: &TimeScale) -> Lane {
    let room = (scale.range.span() / POINTS_AVERAGE) as usize;
    let owner = match track.kind {
        TrackKind::Kernel(kernel) => Some(scene.program.kernel(kernel).label.clone()),
        TrackKind::Lanes | TrackKind::WeightsIn | TrackKind::GradientsOut => None,
    };
    let intervals = track.between(scale.from, scale.to);
    let blocks = shown(&groups.blocks, scale);
    let passes = shown(&groups.passes, scale);
    if intervals.len() <= room {
        let spans = |index: usize| (intervals[index].start, intervals[index].end);
        let pieces = merged(spans, intervals.len(), scale).into_iter().map(|range| {
            let (from, to) = (intervals[range.start].start, intervals[range.end - 1].end);
            if range.len() > 1 {
                return Piece { from, to, label: format!("{} phases", range.len()), colour: None };
            }
            let (label, category) = phase(scene, &intervals[range.start]);
            Piece { from, to, label, colour: Some(theme::data_colour(Ramp::Categorical.colour(category))) }
        });
        let boundaries = if blocks.len() <= room / 4 { named(blocks, block_label) } else { Vec::new() };
        return Lane { owner, pieces: pieces.collect(), boundaries };
    }
    let by_block = blocks.len() <= room && blocks.len() > passes.len();
    let (groups, label): (_, fn(&Group) -> String) =
        if by_block { (blocks, block_label) } else { (passes, pass_label) };
    let spans = |index: usize| (groups[index].start, groups[index].end);
    let pieces = merged(spans, groups.len(), scale).into_iter().map(|range| {
        let (from, to) = (groups[range.start].start, groups[range.end - 1].end);
        let label = match range.len() {
            1 => label(&groups[range.start]),
            count if by_block => format!("{count} blocks"),
            count => format!("{count} passes"),
        };
        Piece { from, to, label, colour: None }
    });
    let boundaries = if by_block && passes.len() <= room / 4 { named(passes, pass_label) } else { Vec::new() };
    Lane { owner, pieces: pieces.collect(), boundaries }
}

/// What a single interval is called, and the category of its colour on the map.
fn phase(scene: &Scene, interval: &crate::sim::trace::Interval) -> (String, u8) {
    let op = scene.program.kernel(interval.task.kernel).op;
    if matches!(scene.program.schedule, Schedule::Streaming { .. }) {
        return (scene.graph.op(op).name.clone(), OpClass::of(&scene.graph, op.0 as usize) as u8);
    }
    let activity = interval.dominant();
    (activity.words().to_owned(), activity as u8)
}

fn named(groups: &[Group], label: impl Fn(&Group) -> String) -> Vec<Boundary> {
    groups.iter().map(|group| Boundary { cycle: group.start, label: label(group) }).collect()
}

fn block_label(group: &Group) -> String {
    let back = if group.backward { ", backward" } else { "" };
    match group.block {
        Some(block) => format!("block {block}{back}"),
        None => format!("micro-batch {}", group.micro_batch + 1),
    }
}

fn pass_label(group: &Group) -> String {
    let back = if group.backward { ", backward" } else { "" };
    format!("micro-batch {}{back}", group.micro_batch + 1)
}

/// The groups that overlap what is shown.
fn shown<'g>(groups: &'g [Group], scale: &TimeScale) -> &'g [Group] {
    let first = groups.partition_point(|group| group.end <= scale.from);
    let last = groups.partition_point(|group| group.start < scale.to);
    &groups[first.min(last)..last]
}

/// Runs of spans: each alone where it is wide enough, else together with its narrow neighbours.
fn merged(span: impl Fn(usize) -> (u64, u64), count: usize, scale: &TimeScale) -> Vec<Range<usize>> {
    let narrow = |index: usize| {
        let (from, to) = span(index);
        ((to - from) as f64 / scale.cycles_per_point()) < f64::from(POINTS_MIN)
    };
    let step = (scale.cycles_per_point() * f64::from(POINTS_MIN)).max(1.0) as u64;
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut last_narrow = false;
    let mut index = 0;
    while index < count {
        let start = index;
        let is_narrow = narrow(index);
        index += 1;
        if is_narrow {
            // All that begins within the next points, but for a wide one at the end, in one leap.
            let until = span(start).0 + step;
            let beyond = partition(index, count, |at| span(at).0 < until);
            index = if beyond > index && !narrow(beyond - 1) { beyond - 1 } else { beyond };
        }
        match runs.last_mut().filter(|_| is_narrow && last_narrow) {
            Some(run) => run.end = index,
            None => runs.push(start..index),
        }
        last_narrow = is_narrow;
    }
    runs
}

/// The first index from `low` on at which `before` no longer holds.
fn partition(mut low: usize, mut high: usize, before: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// Paints the lane; the block that holds `now` is outlined.
pub(super) fn paint(painter: &Painter, palette: &Palette, rect: Rect, scale: &TimeScale, pieces: &[Piece], now: u64) {
    let painter = painter.with_clip_rect(rect.expand(1.0).intersect(painter.clip_rect()));
    let mut running = None;
    for piece in pieces {
        let (left, right) = (scale.x(piece.from).max(rect.left()), scale.x(piece.to).min(rect.right()));
        let area = Rect::from_min_max(pos2(left, rect.top()), pos2((right - 1.0).max(left + 0.5), rect.bottom()));
        if (piece.from..piece.to).contains(&now) {
            running = Some((area, piece));
        } else {
            paint_piece(&painter, palette, area, piece, false);
        }
    }
    // Its outline lies over its neighbours.
    if let Some((area, piece)) = running {
        paint_piece(&painter, palette, area, piece, true);
    }
}

fn paint_piece(painter: &Painter, palette: &Palette, area: Rect, piece: &Piece, running: bool) {
    let fill = if running { palette.accent.soft } else { palette.surface.hover };
    painter.rect_filled(area, 0.0, fill);
    let top = area.with_max_y(area.top() + 3.0);
    painter.rect_filled(top, 0.0, piece.colour.unwrap_or(palette.line.control));
    if running {
        let edge = Stroke::new(1.5, palette.accent.base);
        painter.rect_stroke(area, 0.0, edge, StrokeKind::Inside);
    }
    let kind = if running { Type::BodyStrong } else { Type::Caption };
    let colour = if running { palette.text.primary } else { palette.text.secondary };
    let room = area.width() - 12.0;
    if text::width(painter, &piece.label, kind) <= room {
        let at = pos2(area.left() + 6.0, area.center().y + 1.0);
        text::paint(painter, at, Align2::LEFT_CENTER, (&piece.label, kind, colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Rangef;

    #[test]
    fn narrow_phases_merge_and_wide_ones_stand_alone() {
        let scale = TimeScale::new(Rangef::new(0.0, 100.0), 0, 1_000);
        // One point is ten cycles: a wide one, five of half a point, a wide one, ten of one point.
        let mut starts = vec![0, 200];
        starts.extend((1..5).map(|index| 200 + 5 * index));
        starts.push(225);
        starts.extend((0..10).map(|index| 800 + 10 * index));
        let span = |index: usize| (starts[index], starts.get(index + 1).copied().unwrap_or(900));
        let runs = merged(span, starts.len(), &scale);
        assert_eq!(runs, [0..1, 1..6, 6..7, 7..17]);
        // However many there are, the work is bounded by the points.
        let runs = merged(|index| (index as u64, index as u64 + 1), 1_000, &scale);
        assert_eq!((runs.len(), runs[0].end), (1, 1_000));
    }
}
