//! What there is to say about a draft as it stands: its figures, what is wrong with it, and spots for what is in hand.
//!
//! Made anew whenever the draft changes, never while it is only looked at.

use std::fmt;

use super::draft::Draft;
use super::ground::Ground;
use super::links::Links;
use super::suggest::{Spot, spots};
use super::tally::{Tally, cost, links, tally};
use super::{compiled, placeable};
use crate::compiler::{Violation, check, resident};
use crate::hardware::Rect;
use crate::sim::Scene;
use crate::workload::OpId;

/// The rules of the checker, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Overlap,
    OffWafer,
    DeadCores,
    Sram,
    Missing,
}

impl Rule {
    /// All rules, in the order in which they are listed.
    pub const ALL: [Self; 5] = [Self::Overlap, Self::OffWafer, Self::DeadCores, Self::Sram, Self::Missing];

    /// The words behind the count of its problems.
    pub fn words(self, count: usize) -> &'static str {
        match self {
            Self::Overlap if count == 1 => "overlap",
            Self::Overlap => "overlaps",
            Self::OffWafer => "off the wafer",
            Self::DeadCores => "on lost cores",
            Self::Sram => "over the SRAM",
            Self::Missing => "without a place",
        }
    }
}

/// One reason why a draft does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub rule: Rule,
    pub op: OpId,
    /// Where it is to be seen; `None` for a kernel without a place.
    pub rect: Option<Rect>,
    /// One sentence with the needed and the available amount.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What follows from a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    pub tally: Tally,
    /// By rule, then in the order of flow.
    pub problems: Vec<Problem>,
    /// For what is in hand, best first.
    pub spots: Vec<Spot>,
    /// Whether the layout is another than the one that ran last.
    pub differs: bool,
    /// Kernels that the model has.
    pub kernels: usize,
    ground: Ground,
    links: Links,
    placed: Vec<(OpId, Rect)>,
    /// What the spots were found for.
    spots_for: Option<(OpId, u32, u32)>,
}

impl Survey {
    /// Surveys a draft.
    pub fn of(scene: &Scene, draft: &Draft) -> Self {
        let mut survey = Self::default();
        survey.refresh(scene, draft, true);
        survey
    }

    /// Takes in what has changed since the last call; all of it if `anew`.
    pub(super) fn refresh(&mut self, scene: &Scene, draft: &Draft, anew: bool) {
        let moved = anew || self.placed != draft.placed;
        if moved {
            self.placed.clone_from(&draft.placed);
            self.tally = tally(scene, &draft.placed);
            self.links = links(scene, &draft.placed);
            self.ground = Ground::of(scene, &draft.placed);
            self.kernels = placeable(scene).len();
            self.differs = draft.placed.len() != self.kernels
                || draft.placed.iter().any(|(op, rect)| compiled(scene, *op) != Some(*rect));
        }
        // What is in hand is missing while it is held, so the list is made for every change of either.
        let asked = draft.hand.map(|hand| (hand.op, hand.width, hand.height));
        if moved || asked != self.spots_for {
            self.problems = problems(scene, draft);
            self.spots = spots(scene, draft, &self.ground);
            self.spots_for = asked;
        }
    }

    /// How many problems there are of each rule, worst first, without the rules that hold.
    pub fn counts(&self) -> Vec<(Rule, usize)> {
        let count = |rule| (rule, self.problems.iter().filter(|problem| problem.rule == rule).count());
        Rule::ALL.map(count).into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Why the draft does not run, in a few words; `None` if it does.
    pub fn blocked(&self) -> Option<String> {
        let words: Vec<String> =
            self.counts().iter().map(|(rule, count)| format!("{count} {}", rule.words(*count))).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether anything but kernels without a place is wrong.
    pub fn is_broken(&self) -> bool {
        self.problems.iter().any(|problem| problem.rule != Rule::Missing)
    }

    /// What the links carry.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The cores that are taken.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }
}

fn problems(scene: &Scene, draft: &Draft) -> Vec<Problem> {
    let mut found = Vec::new();
    let limit = u64::from(scene.device.sram_bytes_per_core.value);
    for (index, &(op, rect)) in draft.placed.iter().enumerate() {
        let who = resident::label_of(&scene.graph, op);
        for (other, earlier) in &draft.placed[..index] {
            if let Some(shared) = rect.intersection(earlier) {
                let with = resident::label_of(&scene.graph, *other);
                let violation = Violation::Overlap { who: who.clone(), with, cores: shared.cores() };
                found.push(Problem { rule: Rule::Overlap, op, rect: Some(shared), words: violation.to_string() });
            }
        }
        for violation in check::check_rect(&who, rect, &scene.device, &scene.defects) {
            let off = matches!(violation, Violation::OffFabric { .. });
            let rule = if off { Rule::OffWafer } else { Rule::DeadCores };
            found.push(Problem { rule, op, rect: Some(rect), words: violation.to_string() });
        }
        let needed = cost(scene, op, (rect.width, rect.height)).sram_bytes_per_core;
        if needed > limit {
            let violation = Violation::SramExceeded { who, needed, available: limit };
            found.push(Problem { rule: Rule::Sram, op, rect: Some(rect), words: violation.to_string() });
        }
    }
    for op in placeable(scene) {
        if draft.rect_of(op).is_none() {
            let held = draft.hand.is_some_and(|hand| hand.op == op);
            let state = if held { "is in hand" } else { "has no place" };
            let words = format!("{} {state}", resident::label_of(&scene.graph, op));
            found.push(Problem { rule: Rule::Missing, op, rect: None, words });
        }
    }
    found.sort_by_key(|problem| problem.rule);
    found
}
