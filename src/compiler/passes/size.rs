//! The fourth pass: how large every kernel is, so that the slowest is as fast as the cores allow.
//!
//! For a target time every kernel has a legal shape of the fewest cores, exactly. The lowest target at which those fit
//! the cores of the row is a floor that no placement can beat; packing then finds the lowest target at which rectangles
//! of such shapes lie side by side.

use super::{Layout, Problem, step};
use crate::compiler::kernel::{Form, Library, Shape};
use crate::compiler::{Author, CompilerPass, Considered, Decision, Step};
use crate::units::{Bytes, Cycles, format};

/// Cores that each kernel needs at least, however slow. One that fits no wafer needs its weights' share of SRAM.
pub(super) fn least_cores(problem: &Problem<'_>) -> Vec<u64> {
    let usable = problem.library.sram_limit() - u64::from(problem.device.code_bytes_per_core.value);
    let least = |form: &Form| {
        let weights = form.product.map_or(0, |product| product.inputs * product.outputs * product.experts);
        let bytes = (weights + form.waiting + form.kept).saturating_mul(crate::compiler::kernel::FP16_BYTES);
        problem.library.least_area(form, u64::MAX).map_or(bytes.div_ceil(usable.max(1)).max(1), |shape| shape.cores())
    };
    let cores: Vec<u64> = problem.forms.iter().map(least).collect();
    problem.kernels.iter().map(|kernel| cores[kernel.form]).collect()
}

/// The lowest time in cycles at which the least areas of all kernels fit the cores of the row together; `None` if they
/// do at none.
pub(super) fn floor(problem: &Problem<'_>) -> Option<u64> {
    let mut counts = vec![0_u64; problem.forms.len()];
    for kernel in &problem.kernels {
        counts[kernel.form] += 1;
    }
    let available = problem.device.fabric_cores() * u64::from(problem.wafers());
    lowest_target(&problem.library, &problem.forms, &counts, available)
}

/// The lowest target at which `counts[i]` kernels of `forms[i]` fit `available` cores by area, exactly.
pub fn lowest_target(library: &Library<'_>, forms: &[Form], counts: &[u64], available: u64) -> Option<u64> {
    let fits = |target: u64| {
        let mut left = available;
        forms.iter().zip(counts).all(|(form, &count)| {
            let cores = library.least_area(form, target).map(|shape| shape.cores().saturating_mul(count));
            let rest = cores.and_then(|cores| left.checked_sub(cores));
            left = rest.unwrap_or(0);
            rest.is_some()
        })
    };
    // A time that all reach at their least areas, if those fit.
    let slow = |form: &Form| library.least_area(form, u64::MAX).map(|shape| shape.cycles.0);
    let slowest = forms.iter().map(slow).collect::<Option<Vec<u64>>>()?.into_iter().max().unwrap_or(0);
    if !fits(slowest) {
        return None;
    }
    let (mut over, mut under) = (0, slowest);
    while under - over > 1 {
        let middle = u64::midpoint(over, under);
        if fits(middle) { under = middle } else { over = middle }
    }
    Some(under)
}

/// States the target and the size of each kernel that has a place.
pub(super) fn steps(problem: &Problem<'_>, layout: &Layout, floor: Option<u64>, steps: &mut Vec<Step>) {
    let slowest = layout.slowest(problem);
    let all = layout.placed() == problem.kernels.len();
    let because = match floor {
        Some(floor) if all => format!(
            "the slowest kernel takes {}; by area alone no layout is below {}, rectangles side by side cost {}",
            format::cycles(slowest),
            format::cycles(floor),
            format::percent(slowest as f64 / floor.max(1) as f64 - 1.0),
        ),
        _ => "the kernels do not fit together at any speed, so each is as small as it can be".to_owned(),
    };
    steps.push(step(
        Decision::TargetChosen { target: Cycles(slowest), floor: Cycles(floor.unwrap_or(0)) },
        CompilerPass::Size,
        because,
        "the slowest kernel sets the pace of a pipeline: all others are as small as that pace allows",
    ));
    let slowest_kernel = (0..problem.kernels.len())
        .find(|&kernel| layout.sites[kernel].is_some_and(|site| problem.shape(kernel, site.rect).cycles.0 == slowest));
    let pace = slowest_kernel.map_or_else(String::new, |kernel| problem.label(kernel));
    let mut told: Vec<(usize, Shape, Vec<Considered>)> = Vec::new();
    for (kernel, planned) in problem.kernels.iter().enumerate() {
        let Some(site) = layout.sites[kernel] else { continue };
        let shape = problem.shape(kernel, site.rect);
        let known = told.iter().rev().take(64).find(|(form, held, _)| *form == planned.form && *held == shape);
        let considered = known.map(|(.., considered)| considered.clone()).unwrap_or_else(|| {
            let considered = alternatives(problem, problem.form(kernel), &shape, slowest, &pace);
            told.push((planned.form, shape, considered.clone()));
            considered
        });
        let sram_per_core = Bytes(shape.sram_bytes_per_core);
        let because = format!(
            "{} × {} cores take {} of the target of {}, and {} of {} KiB a core",
            shape.width,
            shape.height,
            format::cycles(shape.cycles.0),
            format::cycles(slowest),
            format::kib(shape.sram_bytes_per_core),
            format::kib(problem.library.sram_limit()),
        );
        let cut = Library::cut(problem.form(kernel), shape.width, shape.height, shape.groups);
        let compute = problem.library.compute(problem.form(kernel), &cut).cycles;
        let (width, height) = (shape.width, shape.height);
        let sized = Decision::KernelSized { op: planned.op, width, height, compute, sram_per_core };
        let author = if problem.pin(kernel).is_some() { Author::User } else { Author::Compiler };
        let mut decided =
            sized.by(author, CompilerPass::Size, because, "the least area that meets the common target time");
        decided.considered = considered;
        steps.push(decided);
    }
}

/// The neighbours of a shape among those worth anything: narrower, wider, and the one of the fewest cores.
fn alternatives(problem: &Problem<'_>, form: &Form, shape: &Shape, target: u64, pace: &str) -> Vec<Considered> {
    let library = &problem.library;
    let mut found = Vec::new();
    let words = |shape: &Shape| format!("{} × {} cores", shape.width, shape.height);
    if shape.width > 1 {
        let narrower = library.shape(form, shape.width - 1, shape.height);
        let why_not = if narrower.sram_bytes_per_core > library.sram_limit() {
            format!(
                "{} KiB a core, of {} KiB",
                format::kib(narrower.sram_bytes_per_core),
                format::kib(library.sram_limit())
            )
        } else if narrower.cycles.0 > target {
            format!("{} over the target", format::percent(narrower.cycles.0 as f64 / target.max(1) as f64 - 1.0))
        } else {
            format!("it takes {}", format::cycles(narrower.cycles.0))
        };
        found.push(Considered { what: words(&narrower), why_not, rect: None });
    }
    if let Some(wider) = shape.cycles.0.checked_sub(1).and_then(|faster| library.narrowest(form, shape.height, faster))
    {
        let gain = format::percent(1.0 - wider.cycles.0 as f64 / shape.cycles.0.max(1) as f64);
        let more = format::grouped(wider.cores().saturating_sub(shape.cores()));
        let why_not = if shape.cycles.0 < target {
            format!("{gain} faster on {more} more cores, while {pace} sets the pace")
        } else {
            format!("{gain} faster, but {more} more cores for each of its kind are not to be had")
        };
        found.push(Considered { what: words(&wider), why_not, rect: None });
    }
    let least = library.least_area(form, target).filter(|least| least.cores() < shape.cores());
    if let Some(least) = least {
        let fewer = format::grouped(shape.cores() - least.cores());
        let why_not = format!("{fewer} fewer cores, but {} rows do not line up with its neighbours", least.height);
        found.push(Considered { what: words(&least), why_not, rect: None });
    }
    found
}
