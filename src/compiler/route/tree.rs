//! Growing one route: a source, and reader after reader joined to what is there already.

use super::colours::View;
use super::path::{Corners, Segment, distance, segments, ways};
use super::{Choice, Trunk};
use crate::hardware::Core;

/// Places of a tree at which a reader is tried to be joined.
const JOINTS: usize = 4;

/// A route that is being made.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) source: Core,
    /// Straight runs with the hops from the source to their first router.
    pub(super) legs: Vec<(Segment, u32)>,
    /// Colours that are not free everywhere on it.
    pub(super) taken: u32,
    /// Routers that were looked at for it.
    pub(super) visits: u32,
    bytes: u64,
    hops: u32,
    choice: Choice,
}

/// A free way from a tree to a reader.
struct Branch {
    corners: Corners,
    depth: u32,
    taken: u32,
    busiest: u64,
}

impl Tree {
    /// A tree of one router; `None` if none of the colours in `allowed` is free there.
    pub(super) fn new(view: &dyn View, source: Core, allowed: u32, bytes: u64) -> Option<Self> {
        let taken = view.sweep(Segment { from: source, to: source }).taken | !allowed;
        let tree = Self { source, legs: Vec::new(), taken, visits: 0, bytes, hops: 0, choice: Choice::default() };
        (taken != u32::MAX).then_some(tree)
    }

    /// Hops from the source to one of its routers.
    pub(super) fn depth_of(&self, core: Core) -> Option<u32> {
        let on = self.legs.iter().find(|(leg, _)| leg.rect().contains(core));
        on.map(|(leg, depth)| depth + distance(leg.from, core)).or_else(|| (core == self.source).then_some(0))
    }

    /// All its routers with the hops to them.
    pub(super) fn routers(&self) -> Vec<(Core, u32)> {
        let legs = self.legs.iter().flat_map(|(leg, depth)| leg.routers().skip(1).zip(depth + 1..));
        std::iter::once((self.source, 0)).chain(legs).collect()
    }

    /// Joins the first of `ports` to which a shortest way with few bends is free.
    pub(super) fn reach(&mut self, view: &dyn View, ports: &[Core]) -> Option<Core> {
        ports.iter().copied().find(|&port| {
            if let Some(depth) = self.depth_of(port) {
                self.hops = self.hops.max(depth);
                return true;
            }
            let joints = self.joints(port);
            let branch = joints.into_iter().find_map(|(joint, depth)| self.branch(view, joint, depth, port));
            let Some(Branch { corners, depth, taken, busiest }) = branch else { return false };
            self.join(&corners, depth, taken, busiest);
            true
        })
    }

    /// Where to join a reader: earliest arrival first, then the fewest new links.
    fn joints(&self, port: Core) -> Vec<(Core, u32)> {
        let on_legs = self.legs.iter().map(|(leg, depth)| {
            let joint = leg.nearest(port);
            (joint, depth + distance(leg.from, joint))
        });
        let mut joints: Vec<(Core, u32)> = std::iter::once((self.source, 0)).chain(on_legs).collect();
        joints.sort_by_key(|&(joint, depth)| (depth + distance(joint, port), distance(joint, port), joint));
        joints.dedup();
        joints.truncate(JOINTS);
        joints
    }

    /// The best way from a router of the tree to `port`, if one has a colour left.
    fn branch(&mut self, view: &dyn View, joint: Core, depth: u32, port: Core) -> Option<Branch> {
        let mut best: Option<((u64, usize, u32), Branch)> = None;
        for corners in ways(joint, port) {
            let (mut taken, mut busiest, mut runs) = (self.taken, 0, 0);
            for segment in segments(&corners) {
                let sweep = view.sweep(segment);
                self.visits += segment.hops() + 1;
                taken |= sweep.taken;
                if taken == u32::MAX {
                    break;
                }
                busiest = busiest.max(sweep.busiest);
                runs += 1;
            }
            self.choice.ways += 1;
            if taken == u32::MAX || self.meets(&corners) {
                self.choice.blocked += 1;
                continue;
            }
            let key = (busiest, runs, taken.count_ones());
            if best.as_ref().is_none_or(|(held, _)| key < *held) {
                best = Some((key, Branch { corners, depth, taken, busiest }));
            }
        }
        best.map(|(_, branch)| branch)
    }

    /// Whether a way that begins at the tree comes back to it.
    fn meets(&self, corners: &[Core]) -> bool {
        let mut runs = segments(corners);
        let first = runs.next().and_then(|first| first.without_first());
        !self.legs.is_empty()
            && first.into_iter().chain(runs).any(|run| {
                let rect = run.rect();
                self.legs.iter().any(|(leg, _)| leg.rect().intersection(&rect).is_some())
            })
    }

    fn join(&mut self, corners: &[Core], mut depth: u32, taken: u32, busiest: u64) {
        let mut bends = 0;
        for segment in segments(corners) {
            self.legs.push((segment, depth));
            depth += segment.hops();
            bends += 1;
        }
        self.hops = self.hops.max(depth);
        self.taken |= taken;
        self.choice.bends += u32::saturating_sub(bends, 1);
        self.choice.busiest = self.choice.busiest.max(busiest + self.bytes);
    }

    /// Joins a way found elsewhere: from its last router that is on the tree. Gives its end, or `None` if no colour is
    /// left.
    pub(super) fn join_detour(&mut self, view: &dyn View, corners: &[Core]) -> Option<Core> {
        let &port = corners.last()?;
        let mut kept: Vec<Core> = vec![port];
        let mut depth = self.depth_of(port);
        for pair in corners.windows(2).rev() {
            if depth.is_some() {
                break;
            }
            let back = Segment { from: pair[1], to: pair[0] };
            let joint = back.routers().find_map(|core| Some((core, self.depth_of(core)?)));
            kept.push(joint.map_or(pair[0], |(core, _)| core));
            depth = joint.map(|(_, depth)| depth);
        }
        kept.reverse();
        let sweeps = || segments(&kept).map(|segment| view.sweep(segment));
        let taken = sweeps().fold(self.taken, |taken, sweep| taken | sweep.taken);
        let busiest = sweeps().map(|sweep| sweep.busiest).max().unwrap_or(0);
        if taken == u32::MAX {
            return None;
        }
        self.choice.detour = true;
        self.join(&kept, depth?, taken, busiest);
        Some(port)
    }

    /// The finished route on a colour that is free all along.
    pub(super) fn trunk(&self, colour: u32, sinks: Vec<Core>) -> Trunk {
        Trunk {
            colour,
            bytes: self.bytes,
            source: self.source,
            sinks,
            segments: self.legs.iter().map(|(leg, _)| *leg).collect(),
            hops: self.hops,
            choice: self.choice,
        }
    }
}
