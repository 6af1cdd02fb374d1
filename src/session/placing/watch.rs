//! The compiler's decisions as something to play, step and scrub: what was laid out after any of them, and its figures.
//!
//! Everything is worked out once for a program. Going to a step then costs one search per kernel, however far away.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::links::Links;
use super::tally::{Tally, cost, streams};
use crate::compiler::{CompilerPass, Decision, Program, Step, resident};
use crate::hardware::Rect;
use crate::sim::Scene;
use crate::workload::OpId;

/// Seconds in which all steps play, within the limits of [`RATES`].
const SECONDS: f64 = 20.0;
/// Slowest and fastest playing, in steps a second.
const RATES: [f64; 2] = [4.0, 60.0];

/// Asked of the list of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchAction {
    /// Goes to the moment after so many steps.
    Seek(usize),
    /// Goes so many steps on, back if negative.
    Step(i32),
    TogglePlay,
    /// Goes on to the last step of the stage, or of the next if it is there.
    EndOfStage,
    /// Goes back to where the stage began, or the one before.
    StartOfStage,
    Start,
    End,
    /// Takes the kernel of this step in hand, with everything placed before it kept.
    Elsewhere,
}

/// A run of steps of one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpan {
    pub pass: CompilerPass,
    pub steps: Range<usize>,
}

/// Figures after every step, from the moment before the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Hops times bytes of a micro-batch.
    pub wire: Vec<f32>,
    /// Cycles of the slowest kernel.
    pub slowest: Vec<f32>,
    /// Bytes of SRAM on the fullest core.
    pub sram: Vec<f32>,
    /// All figures.
    pub tallies: Vec<Tally>,
}

/// A kernel on its wafer after so many steps.
type Placed = (usize, u32, Rect);

/// The decisions of one program.
#[derive(Clone, Debug)]
pub struct Watch {
    program: Arc<Program>,
    /// Indices of the program's steps, those of a pass together and passes in their order.
    order: Vec<u32>,
    stages: Vec<StageSpan>,
    /// Where each kernel was from which step on.
    places: Vec<(OpId, Vec<Placed>)>,
    curves: Curves,
    /// Steps that are done.
    at: usize,
    playing: bool,
    /// Part of a step that has been played beyond `at`.
    carry: f64,
}

impl Watch {
    /// The decisions of the program of `scene`, at its last one.
    pub fn of(scene: &Scene) -> Self {
        let program = Arc::clone(&scene.program);
        let mut order: Vec<u32> = (0..program.steps.len() as u32).collect();
        order.sort_by_key(|&index| program.steps[index as usize].pass);
        let mut stages: Vec<StageSpan> = Vec::new();
        let mut places: Vec<(OpId, Vec<Placed>)> = Vec::new();
        for (at, &index) in order.iter().enumerate() {
            let step = &program.steps[index as usize];
            match stages.last_mut().filter(|stage| stage.pass == step.pass) {
                Some(stage) => stage.steps.end = at + 1,
                None => stages.push(StageSpan { pass: step.pass, steps: at..at + 1 }),
            }
            if let Decision::RegionPlaced { op, rect, wafer } = step.decision {
                match places.binary_search_by_key(&op, |(own, _)| *own) {
                    Ok(found) => places[found].1.push((at + 1, wafer, rect)),
                    Err(found) => places.insert(found, (op, vec![(at + 1, wafer, rect)])),
                }
            }
        }
        let curves = curves(scene, &program, &order);
        let at = order.len();
        Self { program, order, stages, places, curves, at, playing: false, carry: 0.0 }
    }

    /// Whether these are the decisions of `scene`'s program.
    pub fn is_of(&self, scene: &Scene) -> bool {
        Arc::ptr_eq(&self.program, &scene.program)
    }

    /// Number of steps.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// Steps that are done.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// The step that was done last.
    pub fn step(&self) -> Option<&Step> {
        let index = self.order.get(self.at.checked_sub(1)?)?;
        self.program.steps.get(*index as usize)
    }

    /// Runs of steps of one pass, in order.
    pub fn stages(&self) -> &[StageSpan] {
        &self.stages
    }

    /// The stage of the step that was done last.
    pub fn stage(&self) -> Option<&StageSpan> {
        let last = self.at.saturating_sub(1);
        self.stages.iter().find(|stage| stage.steps.contains(&last))
    }

    /// Figures after every step.
    pub fn curves(&self) -> &Curves {
        &self.curves
    }

    /// The kernels that are placed after `count` steps, on any wafer, in the order of the operators.
    pub fn layout_at(&self, count: usize) -> Vec<(OpId, Rect)> {
        self.placed(count).map(|(op, _, rect)| (op, rect)).collect()
    }

    /// Those of them that are on one wafer of the row.
    pub fn layout_on(&self, wafer: u32, count: usize) -> Vec<(OpId, Rect)> {
        self.placed(count).filter(|(_, own, _)| *own == wafer).map(|(op, _, rect)| (op, rect)).collect()
    }

    fn placed(&self, count: usize) -> impl Iterator<Item = (OpId, u32, Rect)> + '_ {
        self.places.iter().filter_map(move |(op, moves)| {
            let made = moves.partition_point(|(from, _, _)| *from <= count);
            let (_, wafer, rect) = moves[made.checked_sub(1)?];
            Some((*op, wafer, rect))
        })
    }

    /// The wafer that the step that was done last is about, if it is about one.
    pub fn wafer(&self) -> Option<u32> {
        let of = |kernel| self.program.regions[self.program.kernel(kernel).regions.start as usize].wafer;
        match self.step()?.decision {
            Decision::RegionPlaced { wafer, .. } | Decision::WaferFilled { wafer, .. } => Some(wafer),
            Decision::RouteCommitted { from, .. } => Some(of(from)),
            _ => None,
        }
    }

    /// The moment at which `op` was placed.
    pub fn placed_at(&self, op: OpId) -> Option<usize> {
        let at = self.places.binary_search_by_key(&op, |(own, _)| *own).ok()?;
        self.places[at].1.last().map(|(step, _, _)| *step)
    }

    pub(super) fn apply(&mut self, action: WatchAction) {
        self.carry = 0.0;
        let count = self.count();
        let playing = std::mem::take(&mut self.playing);
        match action {
            WatchAction::Seek(at) => self.at = at.min(count),
            WatchAction::Step(steps) => {
                self.at = self.at.saturating_add_signed(steps as isize).min(count);
            }
            WatchAction::TogglePlay => {
                self.playing = !playing;
                if self.playing && self.at == count {
                    self.at = 0;
                }
            }
            WatchAction::EndOfStage => {
                let end = self.stages.iter().map(|stage| stage.steps.end).find(|&end| end > self.at);
                self.at = end.unwrap_or(count);
            }
            WatchAction::StartOfStage => {
                let start = self.stages.iter().rev().map(|stage| stage.steps.start).find(|&start| start < self.at);
                self.at = start.unwrap_or(0);
            }
            WatchAction::Start => self.at = 0,
            WatchAction::End => self.at = count,
            WatchAction::Elsewhere => {}
        }
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, elapsed: Duration) {
        if !self.playing {
            return;
        }
        let rate = (self.count() as f64 / SECONDS).clamp(RATES[0], RATES[1]);
        self.carry += elapsed.min(Duration::from_millis(100)).as_secs_f64() * rate;
        let whole = self.carry.floor();
        self.carry -= whole;
        self.at = (self.at + whole as usize).min(self.count());
        self.playing = self.at < self.count();
    }
}

fn curves(scene: &Scene, program: &Program, order: &[u32]) -> Curves {
    let streams = streams(scene);
    let mut rects: Vec<Option<(u32, Rect)>> = vec![None; scene.graph.ops.len()];
    let mut curves = Curves::default();
    let (mut tally, mut links) = (Tally::default(), Links::default());
    let mut push = |tally: Tally| {
        curves.wire.push(tally.wire as f32);
        curves.slowest.push(tally.slowest.map_or(0.0, |(cycles, _)| cycles.0 as f32));
        curves.sram.push(tally.sram_bytes as f32);
        curves.tallies.push(tally);
    };
    push(tally);
    // Streams by the operator at either end, so that a placed kernel looks only at its own.
    let mut own: Vec<Vec<usize>> = vec![Vec::new(); scene.graph.ops.len()];
    for (index, stream) in streams.iter().enumerate() {
        own[stream.from.0 as usize].push(index);
        own[stream.to.0 as usize].push(index);
    }
    for &index in order {
        if let Decision::RegionPlaced { op, rect, wafer } = program.steps[index as usize].decision {
            let at = op.0 as usize;
            let length = |rects: &[Option<(u32, Rect)>]| -> u64 {
                let ends = |stream: usize| {
                    let (from, to) = (rects[streams[stream].from.0 as usize]?, rects[streams[stream].to.0 as usize]?);
                    // Between wafers a stream takes links that are no part of either fabric.
                    (from.0 == to.0).then(|| u64::from(resident::hops(from.1, to.1)) * streams[stream].bytes)
                };
                own[at].iter().filter_map(|&stream| ends(stream)).sum()
            };
            tally.wire -= length(&rects);
            rects[at] = Some((wafer, rect));
            for stream in own[at].iter().map(|&stream| streams[stream]) {
                if let (Some(from), Some(to)) = (rects[stream.from.0 as usize], rects[stream.to.0 as usize])
                    && from.0 == to.0
                {
                    links.add(wafer, stream.from, (from.1, to.1), stream.bytes);
                }
            }
            let cost = cost(scene, op, (rect.width, rect.height));
            tally = tally.with(op, cost, length(&rects), links.peak());
        }
        push(tally);
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::super::tally::tally;
    use super::*;
    use crate::compiler::step::replay;
    use crate::scenario::library;

    #[test]
    fn the_layout_at_a_step_is_what_the_steps_before_it_placed() {
        let shipped = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
        let scene = shipped.scenario().prepare().unwrap().compile();
        let watch = Watch::of(&scene);
        assert_eq!(watch.count(), scene.program.steps.len());
        assert!(watch.stages().windows(2).all(|pair| pair[0].pass < pair[1].pass));
        let in_order: Vec<Step> =
            watch.order.iter().map(|&index| scene.program.steps[index as usize].clone()).collect();
        for count in [0, 1, watch.count() / 3, watch.count() / 2, watch.count()] {
            let mut expected: Vec<Rect> = replay(&in_order[..count]).into_iter().map(|(_, rect)| rect).collect();
            let layout = watch.layout_at(count);
            let mut found: Vec<Rect> = layout.iter().map(|(_, rect)| *rect).collect();
            expected.sort_by_key(|rect| (rect.x, rect.y));
            found.sort_by_key(|rect| (rect.x, rect.y));
            assert_eq!(found, expected);
            let figures = tally(&scene, &layout);
            assert_eq!(watch.curves().wire[count], figures.wire as f32);
            assert_eq!(watch.curves().tallies[count], figures);
        }
    }
}
