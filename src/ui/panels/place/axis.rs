//! Where decisions stand along the drawer: evenly, except that no stage is too narrow for its name.

use egui::Rangef;

/// Largest share of the drawer that narrow stages may take from the others.
const NARROW_SHARE: f32 = 0.6;

/// A line through points of decision and place; both rise.
pub(super) struct Axis {
    knots: Vec<(f32, f32)>,
}

impl Axis {
    /// An axis of `count` decisions over `range`; `stages` are where each stage begins and how wide it is at least, in
    /// points, the first at 0.
    pub(super) fn new(range: Rangef, count: usize, stages: &[(usize, f32)]) -> Self {
        let end = |index: usize| stages.get(index + 1).map_or(count, |next| next.0);
        let lengths: Vec<f32> =
            (0..stages.len()).map(|index| end(index).saturating_sub(stages[index].0) as f32).collect();
        let mut narrow = vec![false; stages.len()];
        // Widening one stage narrows the others, which may make another too narrow.
        let unit = loop {
            let taken: f32 = (0..stages.len()).filter(|&index| narrow[index]).map(|index| stages[index].1).sum();
            let rest: f32 = (0..stages.len()).filter(|&index| !narrow[index]).map(|index| lengths[index]).sum();
            if taken > NARROW_SHARE * range.span() || rest <= 0.0 {
                return Self { knots: vec![(0.0, range.min), (count.max(1) as f32, range.max)] };
            }
            let unit = (range.span() - taken) / rest;
            let Some(next) = (0..stages.len()).find(|&at| !narrow[at] && lengths[at] * unit < stages[at].1) else {
                break unit;
            };
            narrow[next] = true;
        };
        let mut knots = vec![(0.0, range.min)];
        let (mut step, mut x) = (0.0, range.min);
        for (index, length) in lengths.iter().enumerate() {
            step += length;
            x += if narrow[index] { stages[index].1 } else { length * unit };
            knots.push((step, x));
        }
        Self { knots }
    }

    /// Where the moment after `at` decisions is.
    pub(super) fn x(&self, at: usize) -> f32 {
        let at = at as f32;
        along(&self.knots, at, |knot| (knot.0, knot.1))
    }

    /// How many decisions, and which part of the next, have been made at `x`.
    pub(super) fn at(&self, x: f32) -> f32 {
        along(&self.knots, x, |knot| (knot.1, knot.0))
    }
}

/// The value at `key` on the line through the knots, held at its ends.
fn along(knots: &[(f32, f32)], key: f32, of: impl Fn(&(f32, f32)) -> (f32, f32)) -> f32 {
    let after = knots.partition_point(|knot| of(knot).0 <= key).clamp(1, knots.len() - 1);
    let ((from, low), (to, high)) = (of(&knots[after - 1]), of(&knots[after]));
    let share = if to > from { ((key - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
    low + (high - low) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_room_and_every_decision_is_found_where_it_stands() {
        let stages = [(0, 70.0), (1, 70.0), (2, 60.0), (100, 50.0), (259, 50.0)];
        let axis = Axis::new(Rangef::new(10.0, 810.0), 260, &stages);
        for (index, (start, least)) in stages.iter().enumerate() {
            let end = stages.get(index + 1).map_or(260, |next| next.0);
            assert!(axis.x(end) - axis.x(*start) >= least - 1e-3);
        }
        assert_eq!((axis.x(0), axis.x(260)), (10.0, 810.0));
        for at in 0..=260 {
            assert!((axis.at(axis.x(at)) - at as f32).abs() < 1e-2);
        }
        // Without room for all names the axis is even.
        let even = Axis::new(Rangef::new(0.0, 260.0), 260, &stages);
        assert_eq!(even.x(130), 130.0);
    }
}
