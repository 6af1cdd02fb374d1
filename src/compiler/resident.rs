//! Resident mapping: every operator on its own rectangle, weights in SRAM, micro-batches of one sequence flowing through.
//!
//! Sizing gives each kernel the least area that meets a common target time, and searches the lowest target whose areas
//! fit together. Packing fills shelves, bands of rows that run the whole width and turn at the end, so that kernels in
//! order of flow stay neighbours. Kernels that the user placed stay where they are. Forward passes only.

use crate::compiler::check::{check_rect, ways_out};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::streaming::label;
use crate::compiler::{
    Author, Buffer, CompilerPass, Decision, Entry, Extent, Job, Kernel, KernelId, Lifetime, PipelineStage, Placement,
    Program, Region, Route, Schedule, Split, SramUse, Violation, Work,
};
use crate::hardware::{DefectMap, DeviceSpec, Rect};
use crate::units::{Bytes, Cycles};
use crate::workload::{Graph, Op, OpId, OpKind, Product};

const FP16_BYTES: u64 = 2;

/// Numbers of shelves that are tried.
const SHELVES_TRIED: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// Halvings of the target time at most; the search ends sooner when the target is known to one part in 64.
const TARGET_HALVINGS: u32 = 40;

/// Compiles the job. Kernels that find no place are reported and left out.
pub fn compile(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job, pinned: &[Placement]) -> Program {
    let sizer = Sizer { device, job, cost: CostModel::new(device) };
    let ops: Vec<(OpId, &Op)> = graph.iter().filter(|(_, op)| !matches!(op.kind, OpKind::Loss { .. })).collect();
    // What leaves the wafer is no region of it: it is reported, and the compiler looks for a place instead.
    let inside = |placement: &&Placement| {
        placement.rect.right() <= device.fabric_columns.value && placement.rect.bottom() <= device.fabric_rows.value
    };
    let (kept, off): (Vec<&Placement>, Vec<&Placement>) = pinned.iter().partition(inside);
    let kept: Vec<Placement> = kept.into_iter().copied().collect();
    let pinned = &kept[..];
    let layout = best_layout(&sizer, &ops, device, defects, pinned);
    let mut program = assemble(&sizer, &ops, &layout, pinned);
    for placement in off {
        let who = label(graph.op(placement.op));
        program.violations.extend(check_rect(&who, placement.rect, device, defects));
    }
    if job.work == Work::Train {
        program.violations.push(Violation::Unsupported {
            what: "training with resident weights is not modelled; stream the weights, or run the forward pass"
                .to_owned(),
        });
    }
    program.violations.extend(capacity_violations(&sizer, &ops, &layout, device));
    program
}

/// What each kernel needs for a rectangle of given shape.
struct Sizer<'a> {
    device: &'a DeviceSpec,
    job: &'a Job,
    cost: CostModel,
}

impl Sizer<'_> {
    /// Tokens of a sequence that an operator works on.
    fn tokens(&self, op: &Op) -> u64 {
        op.tokens.positions(self.job.sequence)
    }

    fn rows(op: &Op, height: u32) -> Split {
        let width = op.product().map_or_else(|| op.output_width(), |product| product.inputs);
        Split { total: width, parts: height }
    }

    /// What the columns share: outputs of a matrix product, rows of a table, else tokens.
    fn columns(&self, op: &Op, width: u32) -> Split {
        let total = match (op.product(), op.kind) {
            (Some(product), _) => product.outputs * product.experts,
            (None, OpKind::Embedding { rows, .. }) => rows,
            _ => self.tokens(op),
        };
        Split { total, parts: width }
    }

    /// More columns or rows than this have nothing left to share.
    fn side_max(&self, op: &Op) -> (u32, u32) {
        let clamp = |total: u64| total.clamp(1, 4_096) as u32;
        (clamp(self.columns(op, 1).total), clamp(Self::rows(op, 1).total))
    }

    /// Time and multiply-adds of the fullest core for one sequence.
    fn compute(&self, op: &Op, width: u32, height: u32) -> Cost {
        let (rows, columns) = (Self::rows(op, height).tile(), self.columns(op, width).tile());
        if let Some(Product { experts, chosen, .. }) = op.product() {
            // The router is taken to spread positions evenly over the experts.
            return self.cost.matrix_product((self.tokens(op) * chosen).div_ceil(experts), rows, columns);
        }
        match op.kind {
            OpKind::Attention { value_dim, reach, .. } => {
                self.cost.attention(columns, reach.keys(self.tokens(op)), rows, value_dim)
            }
            OpKind::Scan { state, .. } => self.cost.elementwise(columns * rows * state),
            OpKind::Pooling { taps, .. } => self.cost.elementwise(columns * rows * taps),
            OpKind::Embedding { .. } => Cost { cycles: self.cost.transfer(self.job.sequence * rows), multiply_adds: 0 },
            _ => self.cost.elementwise(columns * rows),
        }
    }

    /// Time to take one sequence in over the rows of the west edge.
    fn receive(&self, op: &Op, height: u32) -> Cycles {
        let rows = Split { total: op.input_width(), parts: height }.tile();
        self.cost.transfer(self.tokens(op) * rows)
    }

    fn time(&self, op: &Op, width: u32, height: u32) -> u64 {
        self.compute(op, width, height).cycles.0 + self.receive(op, height).0
    }

    /// SRAM of a kernel by purpose.
    fn extents(&self, op: &Op, width: u32, height: u32) -> Vec<(&'static str, SramUse, Extent)> {
        let rows = Self::rows(op, height);
        let columns = self.columns(op, width);
        let grid = |rows, columns| Extent::Grid { rows, columns, bytes_per_element: FP16_BYTES };
        let code = u64::from(self.device.code_bytes_per_core.value);
        let mut extents = vec![("program and stack", SramUse::Code, Extent::Uniform(code))];
        if op.product().is_some() {
            extents.push(("weights", SramUse::Weights, grid(rows, columns)));
            // Two tokens in flight, and two vectors of partial sums.
            let in_flight = 2 * (rows.tile() + columns.tile()) * FP16_BYTES;
            extents.push(("tokens and sums in flight", SramUse::Buffers, Extent::Uniform(in_flight)));
            return extents;
        }
        match op.kind {
            OpKind::Embedding { .. } => extents.push(("table", SramUse::Weights, grid(rows, columns))),
            OpKind::Attention { reach, .. } => {
                let tokens = columns;
                let taken = Split { total: op.input_width(), parts: height };
                extents.push(("queries, keys, values", SramUse::Activations, grid(taken, tokens)));
                let values = Split { total: op.output_width(), parts: height };
                extents.push(("result", SramUse::Activations, grid(values, tokens)));
                let scores = reach.keys(self.tokens(op)).min(1_024) * FP16_BYTES;
                extents.push(("scores", SramUse::Buffers, Extent::Uniform(scores)));
            }
            _ => extents.push(("activations", SramUse::Activations, grid(rows, columns))),
        }
        extents
    }

    fn sram(&self, op: &Op, width: u32, height: u32) -> u64 {
        self.extents(op, width, height).iter().map(|(_, _, extent)| extent.bytes_max()).sum()
    }

    /// The narrowest rectangle of `height` rows that meets `target` cycles within the SRAM; `None` if none does.
    fn narrowest(&self, op: &Op, height: u32, target: u64) -> Option<u32> {
        let limit = u64::from(self.device.sram_bytes_per_core.value);
        let widest = self.device.fabric_columns.value.min(self.side_max(op).0);
        let meets = |width| self.sram(op, width, height) <= limit && self.time(op, width, height) <= target;
        if !meets(widest) {
            return None;
        }
        let (mut over, mut under) = (0, widest);
        while under - over > 1 {
            let middle = u32::midpoint(over, under);
            if meets(middle) { under = middle } else { over = middle }
        }
        Some(under)
    }
}

/// What a kernel of one shape costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeCost {
    /// Time to take in and compute one sequence.
    pub cycles: Cycles,
    pub sram_bytes_per_core: u64,
}

/// What operator `op` costs on a rectangle of `width` and `height` cores.
pub fn shape(graph: &Graph, device: &DeviceSpec, job: &Job, op: OpId, (width, height): (u32, u32)) -> ShapeCost {
    let sizer = Sizer { device, job, cost: CostModel::new(device) };
    let op = graph.op(op);
    ShapeCost { cycles: Cycles(sizer.time(op, width, height)), sram_bytes_per_core: sizer.sram(op, width, height) }
}

/// Width and height at which operator `op` fits the SRAM on the fewest columns: of the heights of shelves, the one whose
/// rectangle is nearest to a square. `None` if it fits at none of them, however slow.
pub fn default_shape(graph: &Graph, device: &DeviceSpec, job: &Job, op: OpId) -> Option<(u32, u32)> {
    let sizer = Sizer { device, job, cost: CostModel::new(device) };
    let op = graph.op(op);
    let shelves = SHELVES_TRIED.iter().filter(|&&shelves| shelves <= device.fabric_rows.value);
    let shapes = shelves.filter_map(|shelves| {
        let height = (device.fabric_rows.value / shelves).min(sizer.side_max(op).1);
        sizer.narrowest(op, height, u64::MAX).map(|width| (width, height))
    });
    shapes.min_by_key(|&(width, height)| (width.max(height), height))
}

/// Hops of a stream between two kernels, from middle to middle.
pub fn hops(from: Rect, to: Rect) -> u32 {
    let (from, to) = (from.centre(), to.centre());
    from.x.abs_diff(to.x) + from.y.abs_diff(to.y)
}

/// What a reader calls an operator.
pub fn label_of(graph: &Graph, op: OpId) -> String {
    label(graph.op(op))
}

/// Where each operator goes; `None` where no place was found.
#[derive(Clone, Debug)]
struct Layout {
    rects: Vec<Option<Rect>>,
    /// Time of the slowest kernel in cycles.
    slowest: u64,
}

impl Layout {
    fn placed(&self) -> usize {
        self.rects.iter().flatten().count()
    }
}

/// The layout with the most kernels placed, and among those the shortest slowest kernel.
fn best_layout(
    sizer: &Sizer<'_>,
    ops: &[(OpId, &Op)],
    device: &DeviceSpec,
    defects: &DefectMap,
    pinned: &[Placement],
) -> Layout {
    let mut best: Option<Layout> = None;
    for &shelves in SHELVES_TRIED.iter().filter(|&&shelves| shelves <= device.fabric_rows.value) {
        let height = device.fabric_rows.value / shelves;
        let packer = Packer { sizer, ops, device, defects, pinned, height, shelves };
        let layout = packer.search();
        let better = best.as_ref().is_none_or(|held| {
            (layout.placed(), std::cmp::Reverse(layout.slowest)) > (held.placed(), std::cmp::Reverse(held.slowest))
        });
        if better {
            best = Some(layout);
        }
    }
    best.unwrap_or(Layout { rects: vec![None; ops.len()], slowest: 0 })
}

/// Packs kernels of one shelf height.
struct Packer<'a> {
    sizer: &'a Sizer<'a>,
    ops: &'a [(OpId, &'a Op)],
    device: &'a DeviceSpec,
    defects: &'a DefectMap,
    pinned: &'a [Placement],
    height: u32,
    shelves: u32,
}

impl Packer<'_> {
    /// Bisects the target time for the lowest at which everything is placed.
    fn search(&self) -> Layout {
        let mut fits = self.pack(u64::MAX);
        if fits.placed() < self.ops.len() {
            return fits;
        }
        let (mut low, mut high) = (0, fits.slowest);
        for _ in 0..TARGET_HALVINGS {
            if high - low <= high / 64 {
                break;
            }
            let middle = u64::midpoint(low, high);
            let tried = self.pack(middle);
            if tried.placed() == self.ops.len() {
                high = middle;
                fits = tried;
            } else {
                low = middle;
            }
        }
        fits
    }

    fn pack(&self, target: u64) -> Layout {
        let mut cursor = Cursor { shelf: 0, along: 0 };
        let mut rects = Vec::with_capacity(self.ops.len());
        let mut slowest = 0;
        for (id, op) in self.ops {
            let pinned = self.pinned.iter().find(|placement| placement.op == *id);
            let rect = pinned.map(|placement| placement.rect).or_else(|| {
                let height = self.height.min(self.sizer.side_max(op).1);
                self.sizer.narrowest(op, height, target).and_then(|width| self.place(&mut cursor, width, height))
            });
            if let Some(rect) = rect {
                slowest = slowest.max(self.sizer.time(op, rect.width, rect.height));
            }
            rects.push(rect);
        }
        Layout { rects, slowest }
    }

    /// The next free place along the shelves, skipping what the user placed and cores that are lost.
    fn place(&self, cursor: &mut Cursor, width: u32, height: u32) -> Option<Rect> {
        let columns = self.device.fabric_columns.value;
        while cursor.shelf < self.shelves {
            if cursor.along + width > columns {
                *cursor = Cursor { shelf: cursor.shelf + 1, along: 0 };
                continue;
            }
            // Every other shelf runs west, so that the flow turns instead of jumping back.
            let x = if cursor.shelf.is_multiple_of(2) { cursor.along } else { columns - cursor.along - width };
            let rect = Rect { x, y: cursor.shelf * self.height, width, height };
            let blocked = self.pinned.iter().find_map(|placement| placement.rect.intersection(&rect));
            if let Some(shared) = blocked {
                let skip = if cursor.shelf.is_multiple_of(2) { shared.right() - x } else { rect.right() - shared.x };
                cursor.along += skip.max(1);
            } else if check_rect("", rect, self.device, self.defects).is_empty() {
                cursor.along += width;
                return Some(rect);
            } else {
                cursor.along += 1;
            }
        }
        None
    }
}

/// How far the shelves are filled.
struct Cursor {
    shelf: u32,
    along: u32,
}

/// Turns a layout into a program with kernels, buffers, routes and schedule.
fn assemble(sizer: &Sizer<'_>, ops: &[(OpId, &Op)], layout: &Layout, pinned: &[Placement]) -> Program {
    let job = *sizer.job;
    let mut program = Program {
        job,
        micro_batch: 1,
        regions: Vec::new(),
        kernels: Vec::new(),
        buffers: Vec::new(),
        routes: Vec::new(),
        schedule: Schedule::Pipeline { stages: Vec::new(), micro_batches: 0, drain: Cycles::ZERO },
        steps: Vec::new(),
        violations: Vec::new(),
        assumptions: assumptions(),
    };
    let mut stages: Vec<PipelineStage> = Vec::new();
    for ((id, op), rect) in ops.iter().zip(&layout.rects) {
        let Some(rect) = *rect else {
            let why = "no free rectangle of its size is left".to_owned();
            let rejected = Decision::Rejected { op: *id, why };
            program.steps.push(rejected.alone(CompilerPass::Place, "every kernel has cores of its own"));
            continue;
        };
        let author = if pinned.iter().any(|placement| placement.op == *id) { Author::User } else { Author::Compiler };
        stages.push(add_kernel(sizer, &mut program, *id, op, rect, author));
    }
    let drain = ops.last().map_or(Cycles::ZERO, |(_, op)| {
        let height = program.regions.last().map_or(1, |region| region.rect.height);
        let rows = Split { total: op.output_width(), parts: height }.tile();
        sizer.cost.transfer(job.sequence * rows)
    });
    program.schedule =
        Schedule::Pipeline { stages, micro_batches: job.batch_per_system().min(u64::from(u32::MAX)) as u32, drain };
    program
}

/// Adds one kernel with its region, buffers and the route from the kernel before it.
fn add_kernel(
    sizer: &Sizer<'_>,
    program: &mut Program,
    id: OpId,
    op: &Op,
    rect: Rect,
    author: Author,
) -> PipelineStage {
    let kernel = KernelId(program.kernels.len() as u32);
    let region = program.regions.len() as u32;
    let entry = Entry::middle(rect);
    let cost = sizer.compute(op, rect.width, rect.height);
    let sram_per_core = Bytes(sizer.sram(op, rect.width, rect.height));
    let (width, height) = (rect.width, rect.height);
    let sized = Decision::KernelSized { op: id, width, height, compute: cost.cycles, sram_per_core };
    program.steps.push(sized.alone(CompilerPass::Size, "the least area that meets the common target time"));
    let placed = Decision::RegionPlaced { op: id, rect };
    program.steps.push(placed.by(author, CompilerPass::Place, String::new(), "next to the kernel that feeds it"));
    for (what, usage, extent) in sizer.extents(op, rect.width, rect.height) {
        let label = format!("{} {what}", label(op));
        let bytes_per_core = Bytes(extent.bytes_max());
        let allocated = Decision::BufferAllocated { label: label.clone(), bytes_per_core };
        program.steps.push(allocated.alone(CompilerPass::Allocate, "held for the whole run"));
        program.buffers.push(Buffer { label, usage, regions: region..region + 1, extent, lifetime: Lifetime::Always });
    }
    let hops = match program.regions.last() {
        // The first kernel is fed from the wafer's west edge.
        None => rect.x,
        Some(before) => {
            let hops = hops(before.rect, rect);
            let bytes = Bytes(program.job.sequence * op.input_width() * FP16_BYTES);
            let from = KernelId(kernel.0 - 1);
            program.routes.push(Route { from, to: kernel, hops, bytes });
            let route = Decision::RouteCommitted { from, to: kernel, hops };
            program.steps.push(route.alone(CompilerPass::Route, "from middle to middle"));
            hops
        }
    };
    program.regions.push(Region { rect, entry });
    program.kernels.push(Kernel {
        op: id,
        label: label(op),
        regions: region..region + 1,
        rows: Sizer::rows(op, rect.height),
        rows_backward: Sizer::rows(op, rect.height),
        columns: sizer.columns(op, rect.width),
    });
    PipelineStage {
        kernel,
        receive: sizer.receive(op, rect.height),
        compute: cost.cycles,
        multiply_adds: cost.multiply_adds,
        latency: Cycles(u64::from(hops) * u64::from(sizer.device.hop_cycles.value)),
    }
}

/// Says how much is missing when kernels found no place.
fn capacity_violations(sizer: &Sizer<'_>, ops: &[(OpId, &Op)], layout: &Layout, device: &DeviceSpec) -> Vec<Violation> {
    let left: Vec<&Op> =
        ops.iter().zip(&layout.rects).filter(|(_, rect)| rect.is_none()).map(|((_, op), _)| *op).collect();
    if left.is_empty() {
        return Vec::new();
    }
    let limit = u64::from(device.sram_bytes_per_core.value);
    let code = u64::from(device.code_bytes_per_core.value);
    let usable = limit.saturating_sub(code).max(1);
    let cores_of = |op: &Op| (op.weight_elements() * FP16_BYTES).div_ceil(usable).max(1);
    let used: u64 = layout.rects.iter().flatten().map(Rect::cores).sum();
    let weights: u64 = ops.iter().map(|(_, op)| op.weight_elements() * FP16_BYTES).sum();
    let available = device.fabric_cores() * usable;
    let mut found = Vec::new();
    if weights > available {
        found.push(Violation::ModelTooLarge {
            needed: weights,
            available,
            ways_out: ways_out(sizer.job, weights, available),
        });
    }
    found.push(Violation::Unplaced {
        kernels: left.len() as u64,
        cores_needed: left.iter().map(|op| cores_of(op)).sum(),
        cores_free: device.fabric_cores().saturating_sub(used),
    });
    found
}

fn assumptions() -> Vec<String> {
    [
        "fp16 weights and activations; one sequence is a micro-batch",
        "a kernel takes a micro-batch in, computes it and hands it on, one after the other, without a second buffer",
        "attention is dense: masked scores are computed like the others",
        "streams between kernels do not slow each other down",
        "kernels work in one line, in the order of the graph: sums that bypass a branch are neither routed nor stored",
        "SRAM holds weights, tables and two tokens in flight; a whole sequence waits only where attention needs it",
    ]
    .map(str::to_owned)
    .to_vec()
}
