//! Making room: streams without a way take the place of a few others that find another one.

use super::super::outcome::Rip;
use super::{Lane, Router, one};
use crate::hardware::{Core, Rect};

/// Routers that a search may look at for a detour of a lane that was ripped up.
const RIP_BUDGET: u32 = 200_000;

/// How often all streams without a way are tried again with others ripped up.
const RIP_ROUNDS: u32 = 3;

/// Most streams that are ripped up for one.
const RIPPED_AT_MOST: usize = 3;

/// Choices of streams to rip up that are tried for one stream, and for all together.
const RIP_TRIES: usize = 8;
const RIP_TRIES_ALL: usize = 400;

impl Router {
    /// Tries to make room for lanes without a way, in bounded rounds.
    pub(super) fn rip_up(&mut self, mut failed: Vec<usize>) {
        let mut tries = RIP_TRIES_ALL;
        for round in 0..RIP_ROUNDS {
            let before = failed.len();
            if tries == 0 {
                return;
            }
            failed.retain(|&lane| {
                let laid = round > 0 && self.lay_within(lane, RIP_BUDGET);
                !laid && !self.make_room(lane, &mut tries)
            });
            if failed.is_empty() || failed.len() == before {
                return;
            }
        }
    }

    /// Lays a lane on its most direct way where at most a few others hold a colour and all of them find another way.
    fn make_room(&mut self, lane: usize, tries: &mut usize) -> bool {
        let Ok(tree) = self.direct(&self.lanes[lane]) else { return false };
        let mut choices: Vec<(u32, Vec<usize>)> = (0..self.fabric.colours)
            .filter(|colour| tree.taken & (1 << colour) == 0)
            .map(|c| (c, Vec::new()))
            .collect();
        let rects: Vec<Rect> =
            tree.legs.iter().map(|(leg, _)| leg.rect()).chain(std::iter::once(one(tree.source))).collect();
        for holder in self.lanes_in(&rects, u32::MAX) {
            let colour = self.lanes[holder].trunk.as_ref().map(|trunk| trunk.colour);
            if let Some((_, holders)) = choices.iter_mut().find(|(own, _)| Some(*own) == colour) {
                holders.push(holder);
            }
        }
        choices.retain(|(_, holders)| holders.len() <= RIPPED_AT_MOST);
        choices.sort_by_key(|(colour, holders)| (holders.len(), *colour));
        let sinks = self.direct_sinks(lane);
        for (colour, holders) in choices.into_iter().take(RIP_TRIES) {
            let Some(left) = tries.checked_sub(1) else { return false };
            *tries = left;
            let ripped: Vec<(usize, Lane)> =
                holders.iter().map(|&holder| (holder, self.lanes[holder].clone())).collect();
            for &holder in &holders {
                self.release(holder);
            }
            self.commit(lane, tree.trunk(colour, sinks.clone()));
            let relaid = holders.iter().all(|&holder| self.lay_within(holder, RIP_BUDGET));
            if relaid {
                self.lanes[lane].gave_up = None;
                let moved = holders.iter().map(|&holder| self.lanes[holder].request).collect();
                self.rips.push(Rip { request: self.lanes[lane].request, colour, moved });
                return true;
            }
            self.release(lane);
            // All of them first, since one's new way may lie on another's old one.
            for &holder in &holders {
                self.release(holder);
            }
            for (holder, before) in ripped {
                self.put_back(holder, before);
            }
        }
        false
    }

    /// The first port of every reader, in the order of the request.
    fn direct_sinks(&self, lane: usize) -> Vec<Core> {
        let lane = &self.lanes[lane];
        let request = &self.requests[lane.request];
        let parts = request.parts(&self.kernels);
        request.to.iter().filter_map(|end| end.ports(&self.kernels, lane.part, parts).first().copied()).collect()
    }
}
