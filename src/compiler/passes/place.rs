//! The fifth pass: where every kernel lies.

use super::plan::{Choice, Outcome};
use super::{Layout, Problem, Site, shelves, step};
use crate::compiler::check::check_rect;
use crate::compiler::resident::hops;
use crate::compiler::{Author, CompilerPass, Considered, Decision, LayoutWay, Step};
use crate::hardware::Rect;
use crate::units::{Cycles, format};

/// Wafers with more kernels than this tell of no other places: there would be more to tell than anyone reads.
const TOLD_MAX: usize = 1_000;

/// Places everything at the lowest target that the search finds.
pub(super) fn search(problem: &Problem<'_>, floor: Option<u64>) -> Layout {
    shelves::best(problem, floor)
}

/// States every place with the ones that were not taken, and what found none.
pub(super) fn steps(problem: &Problem<'_>, layout: &Layout, choice: Option<&Choice>, steps: &mut Vec<Step>) {
    steps.extend(choice.map(way));
    let neighbours = Neighbours::new(problem);
    let mut by_wafer: Vec<Vec<usize>> = vec![Vec::new(); problem.wafers() as usize];
    for (kernel, site) in layout.sites.iter().enumerate() {
        if let Some(site) = site {
            by_wafer[site.wafer as usize].push(kernel);
        }
    }
    for (kernel, planned) in problem.kernels.iter().enumerate() {
        let Some(site) = layout.sites[kernel] else {
            let why = "no free rectangle of its size is left".to_owned();
            let rejected = Decision::Rejected { op: planned.op, why };
            steps.push(rejected.alone(CompilerPass::Place, "every kernel has cores of its own"));
            continue;
        };
        let author = if problem.pin(kernel).is_some() { Author::User } else { Author::Compiler };
        let placed = Decision::RegionPlaced { op: planned.op, wafer: site.wafer, rect: site.rect };
        let wire = neighbours.wire(layout, kernel, site);
        let because = match neighbours.around(kernel).count() {
            0 => String::new(),
            count => {
                format!("{} hops in all to the {count} kernels that it exchanges data with", format::grouped(wire))
            }
        };
        let mut step = placed.by(author, CompilerPass::Place, because, "next to the kernel that feeds it");
        let here = &by_wafer[site.wafer as usize];
        if here.len() <= TOLD_MAX {
            step.considered = neighbours.considered(problem, layout, here, kernel, site);
        }
        steps.push(step);
    }
}

/// Which of two layouts was taken, why, and what the other one would have given.
fn way(choice: &Choice) -> Step {
    let (way, other) = if choice.floorplan {
        (LayoutWay::Floorplan, LayoutWay::Shelves)
    } else {
        (LayoutWay::Shelves, LayoutWay::Floorplan)
    };
    let words = |outcome: &Outcome| {
        let unrouted = match outcome.unrouted {
            0 => String::new(),
            count => format!(", {count} of its streams find no way"),
        };
        let (run, pace) = (format::cycles(outcome.run), format::cycles(outcome.pace));
        format!("a run takes {run}, a micro-batch {pace} at its pace, {} hops{unrouted}", format::grouped(outcome.hops))
    };
    let moves = format::grouped(choice.moves);
    let because =
        if choice.floorplan { format!("after {moves} moves {}", words(&choice.taken)) } else { words(&choice.taken) };
    let decision = Decision::LayoutChosen { way, run: Cycles(choice.taken.run) };
    let rule = "the layout with the shorter run, once all streams have their ways";
    let mut decided = step(decision, CompilerPass::Place, because, rule);
    let tried = if choice.floorplan || choice.moves == 0 {
        other.words().to_owned()
    } else {
        format!("{} after {moves} moves", other.words())
    };
    let why_not = match &choice.other {
        Ok(outcome) => {
            let longer = outcome.run as f64 / choice.taken.run.max(1) as f64 - 1.0;
            format!("{}: {} longer", words(outcome), format::percent(longer))
        }
        Err(why) => why.clone(),
    };
    decided.considered = vec![Considered { what: tried, why_not, rect: None }];
    decided
}

/// Which kernels exchange data with which.
pub(super) struct Neighbours {
    /// For each kernel those it reads, and those that read it.
    around: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Neighbours {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let mut kernel_of = vec![None; problem.graph.ops.len()];
        for (index, kernel) in problem.kernels.iter().enumerate() {
            kernel_of[kernel.op.0 as usize] = Some(index);
        }
        let mut around = vec![(Vec::new(), Vec::new()); problem.kernels.len()];
        for (index, kernel) in problem.kernels.iter().enumerate() {
            for input in &problem.graph.op(kernel.op).inputs {
                let Some(maker) = kernel_of[input.0 as usize] else { continue };
                if !around[index].0.contains(&maker) {
                    around[index].0.push(maker);
                    around[maker].1.push(index);
                }
            }
        }
        Self { around }
    }

    /// The kernels that feed `kernel`.
    pub(super) fn makers(&self, kernel: usize) -> &[usize] {
        &self.around[kernel].0
    }

    /// The kernels that `kernel` feeds.
    pub(super) fn readers(&self, kernel: usize) -> &[usize] {
        &self.around[kernel].1
    }

    fn around(&self, kernel: usize) -> impl Iterator<Item = usize> {
        let (makers, readers) = &self.around[kernel];
        makers.iter().chain(readers).copied()
    }

    /// Hops to all kernels on the same wafer that exchange data with `kernel`, if it were at `site`.
    fn wire(&self, layout: &Layout, kernel: usize, site: Site) -> u64 {
        let sites = self.around(kernel).filter_map(|other| layout.sites[other]);
        sites.filter(|other| other.wafer == site.wafer).map(|other| u64::from(hops(other.rect, site.rect))).sum()
    }

    /// The places beside the kernel that feeds this one, and why they were not taken.
    fn considered(
        &self,
        problem: &Problem<'_>,
        layout: &Layout,
        here: &[usize],
        kernel: usize,
        site: Site,
    ) -> Vec<Considered> {
        let feeds = self.makers(kernel).iter().find_map(|&maker| {
            let fed = layout.sites[maker]?;
            (fed.wafer == site.wafer).then_some((maker, fed.rect))
        });
        let Some((maker, from)) = feeds else { return Vec::new() };
        let Rect { width, height, .. } = site.rect;
        let beside = [
            ("east", Some((from.right(), from.y))),
            ("south", Some((from.x, from.bottom()))),
            ("north", from.y.checked_sub(height).map(|y| (from.x, y))),
            ("west", from.x.checked_sub(width).map(|x| (x, from.y))),
        ];
        let place = |(word, corner): (&str, Option<(u32, u32)>)| {
            let (x, y) = corner?;
            let rect = Rect { x, y, width, height };
            if rect == site.rect {
                return None;
            }
            let why_not = self.why_not(problem, layout, here, kernel, Site { rect, ..site })?;
            Some(Considered { what: format!("{word} of {}", problem.label(maker)), why_not, rect: Some(rect) })
        };
        beside.into_iter().filter_map(place).take(3).collect()
    }

    /// What is wrong with a place, in words; `None` if it is as good as the one taken.
    fn why_not(
        &self,
        problem: &Problem<'_>,
        layout: &Layout,
        here: &[usize],
        kernel: usize,
        site: Site,
    ) -> Option<String> {
        if let Some(wrong) = check_rect("it", site.rect, problem.device, problem.defects).first() {
            return Some(wrong.to_string());
        }
        let taken = here.iter().filter(|&&other| other != kernel).find_map(|&other| {
            let shared = layout.sites[other]?.rect.intersection(&site.rect)?;
            Some((other, shared))
        });
        if let Some((other, shared)) = taken {
            let (label, cores) = (problem.label(other), format::grouped(shared.cores()));
            return Some(format!("{label} has {cores} of these cores"));
        }
        let taken = layout.sites[kernel].map_or(0, |held| self.wire(layout, kernel, held));
        let more = self.wire(layout, kernel, site).checked_sub(taken)?;
        (more > 0).then(|| format!("{} hops more to the kernels around it", format::grouped(more)))
    }
}
