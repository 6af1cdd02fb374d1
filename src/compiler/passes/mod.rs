//! The compiler of pipelines, pass by pass: every operator on its own rectangle of cores, micro-batches flowing through.
//!
//! The order is the one of this module's functions: weigh how many tokens are a micro-batch (`chunk`), read the graph, list what its reader fused, cut the line of kernels
//! over the wafers of a row, size every kernel for a common target time, place, route every edge of the graph, set SRAM
//! aside, check. Sizes decide what a wafer holds, so the search for the lowest target runs over partition, sizes and
//! places together (`place`), and a floorplanner tries to beat what it finds (`plan`); each pass then states its decisions as [`Step`]s. All of it is a pure function.

mod allocate;
mod chunk;
mod fuse;
mod partition;
mod place;
mod plan;
mod read;
mod route;
mod shelves;
mod size;
mod staircase;

pub use chunk::{candidates, run_time};
pub use plan::{Search, Thought};
pub use size::lowest_target;

use crate::compiler::check::{check_rect, ways_out};
use crate::compiler::kernel::{Form, Library, Shape};
use crate::compiler::{
    CompilerPass, Decision, Job, Kernel, KernelId, Mapping, PipelineStage, Placement, Program, Region, Schedule, Step,
    Violation, Work, label,
};
use crate::hardware::{DefectMap, DeviceSpec, Rect};
use crate::units::{Cycles, format};
use crate::workload::{Graph, OpId};

/// What the passes work on.
struct Problem<'a> {
    graph: &'a Graph,
    device: &'a DeviceSpec,
    defects: &'a DefectMap,
    job: &'a Job,
    /// Tokens of a sequence that are one micro-batch.
    chunk: u64,
    library: Library<'a>,
    /// Kernels in the order of flow.
    kernels: Vec<Planned>,
    /// Forms of kernels, each once.
    forms: Vec<Form>,
    /// Kernels that the user placed, within the row and the wafer.
    pinned: Vec<Placement>,
}

/// A kernel that is to be placed.
#[derive(Clone, Copy, Debug)]
struct Planned {
    op: OpId,
    block: Option<u32>,
    /// Index into [`Problem::forms`].
    form: usize,
}

/// Where a kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Site {
    wafer: u32,
    rect: Rect,
}

/// Where each kernel goes; `None` where no place was found.
#[derive(Clone, Debug)]
struct Layout {
    sites: Vec<Option<Site>>,
    /// Time that every kernel was asked to meet.
    target: u64,
    /// Whether no block was cut unless it is larger than a wafer.
    whole_blocks: bool,
}

impl Problem<'_> {
    fn form(&self, kernel: usize) -> &Form {
        &self.forms[self.kernels[kernel].form]
    }

    fn label(&self, kernel: usize) -> String {
        label(self.graph.op(self.kernels[kernel].op))
    }

    fn pin(&self, kernel: usize) -> Option<Site> {
        let op = self.kernels[kernel].op;
        let pinned = self.pinned.iter().find(|placement| placement.op == op)?;
        Some(Site { wafer: pinned.wafer, rect: pinned.rect })
    }

    fn shape(&self, kernel: usize, rect: Rect) -> Shape {
        self.library.shape(self.form(kernel), rect.width, rect.height)
    }

    /// Wafers of the row.
    fn wafers(&self) -> u32 {
        self.job.wafers()
    }
}

impl Layout {
    fn placed(&self) -> usize {
        self.sites.iter().flatten().count()
    }

    /// Time of the slowest kernel that has a place.
    fn slowest(&self, problem: &Problem<'_>) -> u64 {
        let times = self.sites.iter().enumerate().filter_map(|(kernel, site)| {
            let rect = (*site)?.rect;
            Some(problem.shape(kernel, rect).cycles.0)
        });
        times.max().unwrap_or(0)
    }
}

/// Compiles the job, with a longer `search` for the layout if one is asked for. Kernels that find no place are reported
/// and left out.
pub fn compile(
    graph: &Graph,
    device: &DeviceSpec,
    defects: &DefectMap,
    job: &Job,
    pinned: &[Placement],
    search: Option<Search<'_>>,
) -> Program {
    let mut steps = Vec::new();
    let chosen = chunk::choose(graph, device, defects, job);
    let (problem, off) = read::read(graph, device, defects, job, chosen.tokens, pinned, &mut steps);
    fuse::fuse(graph, &mut steps);
    let (floor, layout) = match chosen.layout {
        Some(found) if pinned.is_empty() => found,
        _ => placed(&problem),
    };
    let (layout, choice) = plan::beside(&problem, layout, floor, search);
    partition::steps(&problem, &layout, &mut steps);
    steps.extend(chosen.step);
    size::steps(&problem, &layout, floor, &mut steps);
    place::steps(&problem, &layout, choice.as_ref(), &mut steps);
    let mut program = assemble(&problem, &layout, steps);
    route::route(&problem, &mut program);
    allocate::allocate(&problem, &mut program);
    for placement in off {
        program.violations.push(off_the_row(&problem, &placement));
    }
    program.violations.extend(refusals(&problem, &layout));
    program
}

/// The lowest time by area alone, and the places at the lowest target that was found.
fn placed(problem: &Problem<'_>) -> (Option<u64>, Layout) {
    let floor = size::floor(problem);
    (floor, place::search(problem, floor))
}

/// The fewest wafers in a row that hold the job as this compiler places it, in micro-batches of the best size for that;
/// `None` if some kernel fits no wafer.
pub fn fewest_wafers(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job) -> Option<u32> {
    chunk::fewest_wafers(graph, device, defects, job).map(|(wafers, _)| wafers)
}

/// Turns a layout into a program with regions and kernels and its schedule; what connects them comes later.
fn assemble(problem: &Problem<'_>, layout: &Layout, steps: Vec<Step>) -> Program {
    let job = *problem.job;
    let mut program = Program {
        job,
        micro_batch: 1,
        chunk: problem.chunk,
        regions: Vec::new(),
        kernels: Vec::new(),
        buffers: Vec::new(),
        routes: Vec::new(),
        schedule: Schedule::Pipeline { stages: Vec::new(), micro_batches: 0, drain: Cycles::ZERO },
        steps,
        violations: Vec::new(),
        assumptions: assumptions(problem),
    };
    let mut stages: Vec<PipelineStage> = Vec::new();
    for (kernel, site) in layout.sites.iter().enumerate() {
        let Some(Site { wafer, rect }) = *site else { continue };
        let form = problem.form(kernel);
        let shape = problem.shape(kernel, rect);
        let cut = Library::cut(form, rect.width, rect.height, shape.groups);
        let cost = problem.library.compute(form, &cut);
        let region = program.regions.len() as u32;
        program.regions.push(Region::new(wafer, rect));
        stages.push(PipelineStage {
            kernel: KernelId(region),
            receive: problem.library.receive(form, rect.height),
            compute: cost.cycles,
            multiply_adds: cost.multiply_adds,
            latency: Cycles::ZERO,
        });
        program.kernels.push(Kernel {
            op: problem.kernels[kernel].op,
            label: problem.label(kernel),
            regions: region..region + 1,
            rows: cut.rows,
            rows_backward: cut.rows,
            columns: cut.side_by_side(cut.columns, form.copies),
        });
    }
    let last = layout.sites.last().copied().flatten();
    let mut drain =
        last.map_or(Cycles::ZERO, |site| problem.library.drain(problem.form(layout.sites.len() - 1), site.rect.height));
    if job.work == Work::Train {
        // The last micro-batch goes back through all kernels, whose backward parts take as long as the forward ones.
        drain.0 += stages.iter().map(|stage| stage.receive.0 + stage.compute.0).sum::<u64>();
    }
    let micro_batches = chunk::micro_batches(&job, problem.chunk).min(u64::from(u32::MAX)) as u32;
    program.schedule = Schedule::Pipeline { stages, micro_batches, drain };
    program
}

/// Why a pin outside the row or the wafer cannot be kept.
fn off_the_row(problem: &Problem<'_>, placement: &Placement) -> Violation {
    let who = label(problem.graph.op(placement.op));
    if placement.wafer >= problem.wafers() {
        return Violation::NoSuchWafer { who, wafer: placement.wafer, wafers: problem.wafers() };
    }
    let found = check_rect(&who, placement.rect, problem.device, problem.defects).into_iter().next();
    found.unwrap_or(Violation::OffFabric { who, columns: 0, rows: 0 })
}

/// Says what the mapping cannot do, and how much is missing when kernels found no place.
fn refusals(problem: &Problem<'_>, layout: &Layout) -> Vec<Violation> {
    let mut found = Vec::new();
    let (device, job) = (problem.device, problem.job);
    if job.work == Work::Train && job.mapping == Mapping::Resident {
        found.push(Violation::Unsupported {
            what:
                "resident weights with a key-value cache are for inference; train in a pipeline, or stream the weights"
                    .to_owned(),
        });
    }
    let unplaced = |kernel: &usize| layout.sites[*kernel].is_none();
    let left: Vec<usize> = (0..problem.kernels.len()).filter(unplaced).collect();
    if left.is_empty() {
        return found;
    }
    let usable = u64::from(device.sram_bytes_per_core.value - device.code_bytes_per_core.value).max(1);
    let needs = size::least_cores(problem);
    let cores: u64 = needs.iter().sum();
    let wafers = u64::from(problem.wafers());
    let used: u64 = layout.sites.iter().flatten().map(|site| site.rect.cores()).sum();
    let ways = ways_out(job, fewest_wafers(problem.graph, device, problem.defects, job));
    if cores > device.fabric_cores() * wafers {
        found.push(Violation::ModelTooLarge {
            needed: cores.saturating_mul(usable),
            available: device.fabric_cores() * wafers * usable,
            ways_out: ways.clone(),
        });
    }
    found.push(Violation::Unplaced {
        kernels: left.len() as u64,
        cores_needed: left.iter().map(|&kernel| needs[kernel]).sum(),
        cores_free: (device.fabric_cores() * wafers).saturating_sub(used),
        ways_out: if found.iter().any(|held| matches!(held, Violation::ModelTooLarge { .. })) {
            Vec::new()
        } else {
            ways
        },
    });
    found
}

/// What the program takes for granted.
fn assumptions(problem: &Problem<'_>) -> Vec<String> {
    let mut words: Vec<String> = [
        "fp16 weights and activations",
        "a kernel takes a micro-batch in, computes it and hands it on, one after the other; it holds what it took in and \
         its result at the same time",
        "attention is dense: masked scores are computed like the others",
        "kernels work in one line, in the order of the graph; what bypasses kernels waits at its reader, one copy for each \
         micro-batch in between",
        "the router of experts spreads positions evenly; pixels that neighbours of a convolution share are passed on for \
         nothing",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(chunk::assumption(problem));
    if problem.job.work == Work::Train {
        words.push(
            "training: forward pass, input gradients and weight gradients side by side on different micro-batches; the \
             optimizer takes no time, and its state is not stored"
                .to_owned(),
        );
    }
    if problem.job.mapping == Mapping::Resident && problem.graph.causal {
        words.push("keys and values of every sequence of the batch stay on the wafer for the whole run".to_owned());
    }
    if problem.wafers() > 1 {
        words.push(format!(
            "{} wafers in a row with equal defects, {} GB/s and {} from each to the next, shared by all streams between \
             them (assumed)",
            problem.wafers(),
            format::three_digits(problem.device.io_bytes_per_second.value / 1e9),
            format::duration(problem.device.wafer_link_seconds.value),
        ));
    }
    words
}

/// A decision of the compiler with its reason.
fn step(decision: Decision, pass: CompilerPass, because: String, rule: &'static str) -> Step {
    decision.by(crate::compiler::Author::Compiler, pass, because, rule)
}
