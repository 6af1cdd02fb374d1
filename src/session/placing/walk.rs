//! All shapes that are worth anything for what is in hand, worked out once for each form on a thread of its own.
//!
//! Until they are there the few shapes that a draft offers are walked instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use crate::compiler::kernel::{Form, Library};
use crate::compiler::resident;
use crate::session::jobs::on_a_thread;
use crate::sim::Scene;
use crate::sim::thread::Waker;
use crate::workload::OpId;

/// Widths and heights of one form, by width and then height.
type Shapes = Vec<(u32, u32)>;

/// The shapes of the forms that have been in hand.
#[derive(Debug, Default)]
pub struct Walks {
    known: BTreeMap<Form, Shapes>,
    asked: Option<(Form, Receiver<Shapes>)>,
}

impl Walks {
    /// All legal shapes of `op` that no other one beats in width, height and time, once they are known.
    pub fn of(&self, scene: &Scene, op: OpId) -> Option<&[(u32, u32)]> {
        let form = resident::form_of(&scene.graph, &scene.program, op)?;
        self.known.get(&form).map(Vec::as_slice)
    }

    /// Has the shapes of `op` worked out, unless they are known or others are being worked out.
    pub(super) fn ask(&mut self, scene: &Scene, op: OpId, waker: &Waker) {
        let Some(form) = resident::form_of(&scene.graph, &scene.program, op) else { return };
        if self.asked.is_some() || self.known.contains_key(&form) {
            return;
        }
        let (told, shapes) = bounded(1);
        let (device, program) = (Arc::clone(&scene.device), Arc::clone(&scene.program));
        let work = move || {
            let found = Library::new(&device, &program.job).unbeaten(&form);
            let _told = told.send(found.iter().map(|shape| (shape.width, shape.height)).collect()).is_ok();
        };
        if on_a_thread("shapes", waker.clone(), work) {
            self.asked = Some((form, shapes));
        }
    }

    /// Takes in what has been worked out.
    pub(super) fn collect(&mut self) {
        let Some((form, shapes)) = &self.asked else { return };
        match shapes.try_recv() {
            Ok(shapes) => {
                self.known.insert(*form, shapes);
                self.asked = None;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.asked = None,
        }
    }
}

/// The shape behind `own` in a walk, or before it; one that is not among them lies between its neighbours.
pub(super) fn next(walk: &[(u32, u32)], own: (u32, u32), back: bool) -> Option<(u32, u32)> {
    let count = walk.len();
    let at = walk.partition_point(|shape| *shape < own);
    let there = walk.get(at) == Some(&own);
    let next = match (back, there) {
        (true, _) => (at + count).checked_sub(1)? % count,
        (false, true) => (at + 1) % count,
        (false, false) => at % count.max(1),
    };
    walk.get(next).copied()
}

/// Strides from one end of a walk to the other.
const STRIDES: usize = 16;

/// The shape one stride behind `own` in a walk, or before it; the ends are not passed.
pub(super) fn far(walk: &[(u32, u32)], own: (u32, u32), back: bool) -> Option<(u32, u32)> {
    let stride = walk.len().div_ceil(STRIDES);
    let at = walk.partition_point(|shape| *shape < own);
    let next = if back { at.saturating_sub(stride) } else { at + stride };
    walk.get(next.min(walk.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::{far, next};

    #[test]
    fn sixteen_strides_lead_from_any_shape_to_either_end() {
        for count in [0, 1, 2, 15, 16, 17, 400] {
            let walk: Vec<(u32, u32)> = (0..count).map(|at| (at, count - at)).collect();
            for back in [false, true] {
                let end = if back { walk.first() } else { walk.last() };
                for &begin in &walk {
                    let reached = (0..16).try_fold(begin, |shape, _| far(&walk, shape, back));
                    assert_eq!(reached, end.copied());
                }
            }
            assert_eq!(far(&walk, (1_000, 1), true).is_some(), count > 0);
        }
    }

    #[test]
    fn a_walk_goes_round_both_ways_and_enters_between() {
        let walk = [(1, 9), (2, 5), (4, 3)];
        assert_eq!(next(&walk, (2, 5), false), Some((4, 3)));
        assert_eq!(next(&walk, (4, 3), false), Some((1, 9)));
        assert_eq!(next(&walk, (1, 9), true), Some((4, 3)));
        assert_eq!(next(&walk, (3, 3), false), Some((4, 3)));
        assert_eq!(next(&walk, (3, 3), true), Some((2, 5)));
        assert_eq!(next(&walk, (9, 9), false), Some((1, 9)));
        assert_eq!(next(&[], (9, 9), true), None);
        assert_eq!(next(&[], (9, 9), false), None);
    }
}
