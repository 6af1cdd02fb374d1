//! What the compiler of pipelines promises: steps that rebuild the program, shapes that are best, targets that are
//! lowest, programs that the checker passes, and refusals that say what would help.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::sync::Arc;

use waferscope::compiler::kernel::{Form, Library, Shape, forms};
use waferscope::compiler::passes::{candidates, lowest_target, run_time};
use waferscope::compiler::{
    Author, CompilerPass, Decision, Extent, Job, LayoutWay, Mapping, Placement, Program, Schedule, Search, Thought,
    Violation, Work, check, compile, compile_longer, fewest_wafers, shapes_of, sram, step,
};
use waferscope::hardware::{DefectMap, DeviceSpec, Rect};
use waferscope::rng::Rng;
use waferscope::scenario::file::device;
use waferscope::sim::{Engine, FrameRequest, Layer, Scene, Trace};
use waferscope::workload::{Convolution, Graph, Op, OpId, OpKind, Reach, Tokens, Unit, builtin};

fn wafer(name: &str) -> DeviceSpec {
    device::builtin(name).unwrap()
}

/// A wafer with a smaller fabric.
fn small(columns: u32, rows: u32) -> DeviceSpec {
    let mut device = wafer("wse3");
    (device.fabric_columns.value, device.fabric_rows.value) = (columns, rows);
    device
}

fn job(mapping: Mapping, work: Work, batch: u64, sequence: u64) -> Job {
    Job { mapping, work, batch, sequence, systems: 1 }
}

fn op(name: &str, kind: OpKind, tokens: Tokens, inputs: &[u32]) -> Op {
    let parameters = 0;
    let inputs = inputs.iter().map(|&input| OpId(input)).collect();
    let mut op = Op { name: name.to_owned(), block: None, kind, parameters, weights_of: None, tokens, inputs };
    op.parameters = op.product().map_or(0, |product| product.inputs * product.outputs * product.experts);
    op
}

fn graph(ops: Vec<Op>, sequence: u64, unit: Unit) -> Graph {
    let mut graph = builtin::graph("tiny").unwrap();
    (graph.name, graph.ops, graph.blocks) = ("made by hand".to_owned(), ops, 0);
    (graph.sequence, graph.unit, graph.batch, graph.causal) = (sequence, unit, None, true);
    graph
}

/// A small residual network on pictures of 32 × 32 pixels.
fn residual_network() -> Graph {
    let conv = |from: u64, to: u64, window: u64, stride: u64, side: u64| {
        OpKind::Convolution(Convolution {
            in_channels: from,
            out_channels: to,
            groups: 1,
            window: [window, window],
            stride: [stride, stride],
            output: [side, side],
        })
    };
    let relu = |width| OpKind::Activation { width, gated: false };
    let pixels = |side: u64| Tokens::Count(side * side);
    let mut ops = vec![
        op("conv1", conv(3, 64, 3, 1, 32), pixels(32), &[]),
        op("relu1", relu(64), pixels(32), &[0]),
        op("conv2", conv(64, 64, 3, 1, 32), pixels(32), &[1]),
        op("relu2", relu(64), pixels(32), &[2]),
        op("conv3", conv(64, 64, 3, 1, 32), pixels(32), &[3]),
        op("sum", OpKind::Elementwise { width: 64, operands: 2 }, pixels(32), &[4, 1]),
        op("conv4", conv(64, 128, 3, 2, 16), pixels(16), &[5]),
        op("pool", OpKind::Pooling { width: 128, taps: 256 }, Tokens::Count(1), &[6]),
        op("fc", OpKind::MatMul { k: 128, n: 10 }, Tokens::Count(1), &[7]),
    ];
    ops.push(op("loss", OpKind::Loss { width: 10 }, Tokens::Count(1), &[8]));
    graph(ops, 1, Unit::Sample)
}

/// A line of random operators with some bypasses.
fn random_graph(rng: &mut Rng) -> Graph {
    let mut ops: Vec<Op> = Vec::new();
    for index in 0..2 + rng.below(10) {
        let width = 8 * u64::from(1 + rng.below(24));
        let kind = match rng.below(9) {
            0 => OpKind::Embedding { rows: 4 * width, width },
            1 => OpKind::Norm { width, keeps_sum: rng.below(2) == 0 },
            2 => OpKind::Attention {
                heads: 4,
                kv_heads: 2,
                head_dim: width / 4,
                value_dim: width / 4,
                reach: if rng.below(2) == 0 { Reach::Sequence } else { Reach::Window(5) },
            },
            3 => OpKind::Activation { width, gated: rng.below(2) == 0 },
            4 => OpKind::Elementwise { width, operands: 2 },
            5 => OpKind::Scan { width, state: 4 },
            6 => OpKind::Experts { k: width, n: 2 * width, experts: 4, chosen: 2 },
            7 => OpKind::Pooling { width, taps: 9 },
            _ => OpKind::MatMul { k: width, n: 8 * u64::from(1 + rng.below(24)) },
        };
        let tokens = if rng.below(5) == 0 { Tokens::Count(u64::from(1 + rng.below(30))) } else { Tokens::Every };
        let inputs: Vec<u32> = match index {
            0 => Vec::new(),
            1 => vec![0],
            _ if rng.below(3) == 0 => vec![index - 1, rng.below(index - 1)],
            _ => vec![index - 1],
        };
        ops.push(op(&format!("op{index}"), kind, tokens, &inputs));
    }
    graph(ops, 16, Unit::Token)
}

/// Regions, routes and buffers as the steps tell them.
fn assert_replayed(program: &Program, place: &str) {
    let sites: Vec<(u32, Rect)> = program.regions.iter().map(|region| (region.wafer, region.rect)).collect();
    assert_eq!(step::replay(&program.steps), sites, "{place}");
    let mut routes = program.routes.iter();
    let mut buffers = program.buffers.iter().filter(|buffer| buffer.lifetime == waferscope::compiler::Lifetime::Always);
    for step in &program.steps {
        match &step.decision {
            Decision::RouteCommitted { from, to, hops, colour } => {
                let route = routes.next().unwrap();
                assert_eq!((route.from, route.to, route.hops, route.colour), (*from, *to, *hops, *colour), "{place}");
            }
            Decision::BufferAllocated { label, bytes_per_core } => {
                let buffer = buffers.next().unwrap();
                assert_eq!((&buffer.label, buffer.extent.bytes_max()), (label, bytes_per_core.0), "{place}");
            }
            Decision::KernelSized { op, width, height, sram_per_core, .. } => {
                let kernel = program.kernels.iter().find(|kernel| kernel.op == *op).unwrap();
                let region = kernel.regions.start;
                let rect = program.regions[region as usize].rect;
                assert_eq!((rect.width, rect.height), (*width, *height), "{place}");
                assert_eq!(sram::peak(program, region).tally.total(), sram_per_core.0, "{place}");
            }
            Decision::LayoutChosen { run, .. } => {
                assert_eq!(*run, run_time(program), "{place}: the layout's run is the program's");
                assert_eq!(step.considered.len(), 1, "{place}: what the other layout would have given");
            }
            Decision::Checked { violations, .. } => {
                assert_eq!(*violations as usize, program.violations.len(), "{place}");
            }
            _ => {}
        }
    }
    assert!(routes.next().is_none() && buffers.next().is_none(), "{place}: every route and buffer has a step");
    let passes: Vec<CompilerPass> = program.steps.iter().map(|step| step.pass).collect();
    assert!(program.job.mapping == Mapping::Streaming || passes.is_sorted(), "{place}: passes in their order");
    assert_eq!(passes.last(), Some(&CompilerPass::Check), "{place}");
}

#[test]
fn steps_rebuild_what_was_compiled_whatever_it_was() {
    let mut rng = Rng::substream(11, "compiler");
    let (mut whole, mut refused) = (0, 0);
    for round in 0..60 {
        let graph = random_graph(&mut rng);
        let device = small(12 + rng.below(80), 7 + rng.below(80));
        let defects = DefectMap::none(&device);
        let mapping = Mapping::ALL[rng.below(3) as usize];
        let work = if rng.below(2) == 0 { Work::Train } else { Work::Forward };
        let mut job = job(mapping, work, u64::from(1 + rng.below(6)), 16);
        job.systems = 1 + rng.below(3);
        let first = OpId(0);
        let rect = Rect { x: rng.below(9), y: rng.below(5), width: 1 + rng.below(5), height: 1 + rng.below(5) };
        let pinned = [Placement { op: first, wafer: rng.below(job.systems), rect }];
        let pinned = if rng.below(3) == 0 { &pinned[..] } else { &[] };
        let program = compile(&graph, &device, &defects, &job, pinned);
        let place = format!("round {round}, {mapping:?}, {work:?}");
        assert_replayed(&program, &place);
        if mapping != Mapping::Streaming && !pinned.is_empty() {
            let by_hand = |step: &&step::Step| step.author == Author::User && step.pass == CompilerPass::Place;
            assert_eq!(program.steps.iter().filter(by_hand).count(), 1, "{place}");
        }
        let again = compile(&graph, &device, &defects, &job, pinned);
        assert_eq!(program, again, "{place}: compiled twice");
        if program.is_valid() {
            whole += 1;
            assert_eq!(check(&program, &device, &defects), [], "{place}");
            let time = run_time(&program).0;
            let mut engine = Engine::new(Arc::new(program)).unwrap();
            engine.run_to_end();
            assert!(engine.trace().finished, "{place}");
            if work == Work::Forward && mapping != Mapping::Streaming {
                assert_eq!(time, engine.trace().edge, "{place}: the closed form is exact");
            }
        } else {
            refused += 1;
        }
    }
    assert!(whole > 25 && refused > 3, "{whole} compiled, {refused} refused");
}

#[test]
fn every_model_compiles_or_is_told_what_would_help() {
    let device = wafer("wse3");
    let defects = DefectMap::none(&device);
    for model in builtin::names() {
        for mapping in Mapping::ALL {
            for work in [Work::Forward, Work::Train] {
                let graph = builtin::graph(model).unwrap();
                let mut job = job(mapping, work, 2, graph.sequence.min(2_048));
                if mapping != Mapping::Streaming {
                    job.systems = fewest_wafers(&graph, &device, &defects, &job).unwrap_or(1);
                }
                let program = compile(&graph, &device, &defects, &job, &[]);
                let place = format!("{model}, {mapping:?}, {work:?}, {} wafers", job.systems);
                assert_eq!(check(&program, &device, &defects), [], "{place}");
                if (mapping, work) == (Mapping::Resident, Work::Train) {
                    assert!(matches!(&program.violations[..], [Violation::Unsupported { .. }, ..]), "{place}");
                } else {
                    assert_eq!(program.violations, [], "{place}");
                }
                assert_replayed(&program, &place);
            }
        }
    }
}

#[test]
fn a_network_on_pictures_compiles_in_every_mode() {
    for name in ["wse3", "ispd-2020"] {
        let device = wafer(name);
        let defects = DefectMap::none(&device);
        for (mapping, work) in [
            (Mapping::Streaming, Work::Train),
            (Mapping::Streaming, Work::Forward),
            (Mapping::Resident, Work::Forward),
            (Mapping::Pipelined, Work::Forward),
            (Mapping::Pipelined, Work::Train),
        ] {
            let graph = residual_network();
            let program = compile(&graph, &device, &defects, &job(mapping, work, 64, 1), &[]);
            assert_eq!(program.violations, [], "{name}, {mapping:?}, {work:?}");
            if mapping == Mapping::Streaming {
                continue;
            }
            assert_replayed(&program, name);
            // The sum reads what bypasses three kernels: a route of its own, and three copies that wait.
            let sum = program.kernels.iter().position(|kernel| kernel.label == "sum").unwrap() as u32;
            let feeds: Vec<u32> =
                program.routes.iter().filter(|route| route.to.0 == sum).map(|route| route.from.0).collect();
            assert_eq!(feeds, [4, 1]);
            let waiting = program.buffers.iter().find(|buffer| buffer.label == "sum inputs that wait").unwrap();
            let cores = program.regions[sum as usize].rect.cores();
            assert!(waiting.extent.bytes_max() * cores >= 3 * 64 * 32 * 32 * 2);
            let mut engine = Engine::new(Arc::new(program)).unwrap();
            engine.run_to_end();
            assert!(engine.trace().finished);
        }
    }
}

/// Which violation it is. A new kind does not compile until it is provoked below.
fn number(violation: &Violation) -> usize {
    match violation {
        Violation::OffFabric { .. } => 0,
        Violation::Overlap { .. } => 1,
        Violation::SramExceeded { .. } => 2,
        Violation::DeadCores { .. } => 3,
        Violation::NoSuchWafer { .. } => 4,
        Violation::ModelTooLarge { .. } => 5,
        Violation::Unplaced { .. } => 6,
        Violation::Unsupported { .. } => 7,
        Violation::ColoursExhausted { .. } => 8,
        Violation::Unrouted { .. } => 9,
    }
}

#[test]
fn every_kind_of_violation_is_found() {
    let device = wafer("wse3");
    let whole = DefectMap::none(&device);
    let tiny = builtin::graph("tiny").unwrap();
    let good = compile(&tiny, &device, &whole, &job(Mapping::Pipelined, Work::Forward, 4, 128), &[]);
    assert_eq!(good.violations, []);
    let broken = |change: fn(&mut Program)| {
        let mut program = good.clone();
        change(&mut program);
        check(&program, &device, &whole)
    };
    let rows = waferscope::hardware::Geometry::new(&device).physical_rows();
    let dead: Vec<(u32, u32)> = (0..rows).flat_map(|y| (0..200).map(move |x| (x, y))).collect();
    let on_dead = check(&good, &device, &DefectMap::from_cores(&device, &dead));
    let large = builtin::graph("llama-3-70b").unwrap();
    let too_large = compile(&large, &device, &whole, &job(Mapping::Resident, Work::Forward, 1, 8_192), &[]);
    let trained = compile(&tiny, &device, &whole, &job(Mapping::Resident, Work::Train, 1, 128), &[]);
    let provoked = [
        broken(|program| program.regions[0].rect.x = 762),
        broken(|program| program.regions[1].rect = program.regions[0].rect),
        broken(|program| program.buffers[0].extent = Extent::Uniform(60_000)),
        on_dead,
        broken(|program| program.regions[3].wafer = 7),
        too_large.violations.clone(),
        too_large.violations.clone(),
        trained.violations,
        broken(|program| program.routes[0].colour = Some(30)),
        broken(|program| program.routes[0].colour = None),
    ];
    // Two streams of one colour at one router: the second takes the way of the first.
    let clash = broken(|program| {
        let path = program.routes[0].path.clone();
        program.routes[1].colour = program.routes[0].colour;
        program.routes[1].path = path;
    });
    assert!(clash.iter().any(|violation| number(violation) == 9), "{clash:?}");
    assert_eq!(provoked.len(), Violation::RULES.len());
    for (kind, found) in provoked.iter().enumerate() {
        let own = found.iter().find(|violation| number(violation) == kind);
        let own = own.unwrap_or_else(|| panic!("{}: not found among {found:?}", Violation::RULES[kind]));
        assert_eq!(own.rule(), Violation::RULES[kind]);
        assert!(own.to_string().len() > 20 && !own.to_string().ends_with('.'), "{own}");
    }
    // A region on a wafer of its own shares no cores with what lies at the same place elsewhere.
    let mut apart = good.clone();
    apart.job.systems = 2;
    apart.regions[1].rect = apart.regions[0].rect;
    apart.regions[1].wafer = 1;
    assert!(!check(&apart, &device, &whole).iter().any(|violation| number(violation) == 1));
}

/// All legal shapes, one by one.
fn all_shapes(library: &Library<'_>, form: &Form) -> Vec<Shape> {
    let (widest, tallest) = library.side_max(form);
    let shapes = (1..=widest).flat_map(|width| (1..=tallest).map(move |height| library.shape(form, width, height)));
    shapes.filter(|shape| shape.sram_bytes_per_core <= library.sram_limit()).collect()
}

#[test]
fn shapes_are_those_that_no_other_one_covers() {
    let mut rng = Rng::substream(5, "shapes");
    for round in 0..8 {
        let graph = random_graph(&mut rng);
        let device = small(20, 16);
        let work = if round % 2 == 0 { Work::Forward } else { Work::Train };
        let job = job(Mapping::Pipelined, work, 3, 16);
        let library = Library::new(&device, &job);
        let program = compile(&graph, &device, &DefectMap::none(&device), &job, &[]);
        for (op, form) in forms(&graph, &job, 16) {
            let all = all_shapes(&library, &form);
            // Of equal shapes none covers the other, since width and height differ.
            let covered = |shape: &Shape| all.iter().any(|other| other != shape && shape.is_covered_by(other));
            let best: Vec<Shape> = all.iter().copied().filter(|shape| !covered(shape)).collect();
            assert_eq!(shapes_of(&graph, &device, &program, op), best, "round {round}, {:?}", form.kind);
            let beats = |other: &Shape, shape: &Shape| {
                other != shape
                    && other.width <= shape.width
                    && other.height <= shape.height
                    && other.cycles <= shape.cycles
            };
            let unbeaten: Vec<Shape> =
                all.iter().copied().filter(|shape| !all.iter().any(|other| beats(other, shape))).collect();
            assert_eq!(library.unbeaten(&form), unbeaten, "round {round}, {:?}", form.kind);
            for target in [u64::MAX, 200_000, 20_000, 3_000, 700] {
                let meets = |shape: &&Shape| shape.cycles.0 <= target;
                let least = all.iter().filter(meets).map(Shape::cores).min();
                let found = library.least_area(&form, target);
                assert_eq!(found.map(|shape| shape.cores()), least, "{:?} within {target}", form.kind);
            }
        }
    }
}

#[test]
fn the_target_is_the_lowest_that_the_area_allows() {
    let mut rng = Rng::substream(6, "targets");
    let mut checked = 0;
    for _ in 0..8 {
        let graph = random_graph(&mut rng);
        let job = job(Mapping::Pipelined, Work::Forward, 3, 16);
        let device = small(24, 24);
        let library = Library::new(&device, &job);
        let forms: Vec<Form> = forms(&graph, &job, 16).into_iter().map(|(_, form)| form).collect();
        let counts = vec![1; forms.len()];
        let shapes: Vec<Vec<Shape>> = forms.iter().map(|form| all_shapes(&library, form)).collect();
        let needs = |target: u64| -> Option<u64> {
            let least = |all: &Vec<Shape>| all.iter().filter(|shape| shape.cycles.0 <= target).map(Shape::cores).min();
            shapes.iter().map(least).sum()
        };
        let mut before: Option<u64> = None;
        for cores in [100, 300, 576, 2_000] {
            let target = lowest_target(&library, &forms, &counts, cores);
            if let Some(target) = target {
                assert!(needs(target).unwrap() <= cores);
                assert!(target == 0 || needs(target - 1).is_none_or(|needed| needed > cores), "{target} is not lowest");
                assert!(before.is_none_or(|slower| target <= slower), "more cores are never slower");
                checked += 1;
            } else {
                assert!(needs(u64::MAX).is_none_or(|needed| needed > cores));
                assert_eq!(before, None, "what fits fewer cores fits more");
            }
            before = target;
        }
    }
    assert!(checked > 8, "{checked} targets");
}

#[test]
fn one_token_costs_what_the_published_product_does() {
    // A vector times a square matrix of 16 384 on 720 × 720 cores of a WSE-2: 1 244.7 cycles by the published algorithm
    // priced with the constants of the device file (WaferLLM, OSDI 2025); ours groups its chains a little differently.
    let device = wafer("wse2");
    let job = job(Mapping::Pipelined, Work::Forward, 1, 1);
    let graph = graph(vec![op("gemv", OpKind::MatMul { k: 16_384, n: 16_384 }, Tokens::Every, &[])], 1, Unit::Token);
    let library = Library::new(&device, &job);
    let (_, form) = forms(&graph, &job, 1)[0];
    let cut = Library::cut(&form, 720, 720, 1);
    let cycles = library.compute(&form, &cut).cycles.0 as f64;
    assert!((cycles / 1_244.7 - 1.0).abs() < 0.05, "{cycles} cycles");
}

#[test]
fn more_cores_are_never_slower() {
    let graph = builtin::graph("tiny").unwrap();
    let job = job(Mapping::Pipelined, Work::Forward, 4, 128);
    let mut before = u64::MAX;
    for side in [100, 200, 400, 760] {
        let device = small(side, side);
        let program = compile(&graph, &device, &DefectMap::none(&device), &job, &[]);
        assert_eq!(program.violations, []);
        let target = program.steps.iter().find_map(|step| match step.decision {
            Decision::TargetChosen { target, floor } => Some((target.0, floor.0)),
            _ => None,
        });
        let (target, floor) = target.unwrap();
        assert!(floor <= target && target < before, "{side}: {target} after {before}, floor {floor}");
        before = target;
    }
}

/// The chunk that a program runs in, and how many micro-batches of it, as its steps and its schedule say.
fn chunk(program: &Program) -> (u64, u64) {
    let found = program.steps.iter().find_map(|step| match step.decision {
        Decision::ChunkChosen { tokens, micro_batches } => Some((tokens, micro_batches, step.considered.len())),
        _ => None,
    });
    let Some((tokens, micro_batches, others)) = found else { return (program.chunk, program.job.batch) };
    assert_eq!(tokens, program.chunk);
    assert_eq!(micro_batches, u64::from(program.schedule.micro_batches()));
    assert!(others > 0);
    (tokens, micro_batches)
}

#[test]
fn long_sequences_flow_in_chunks_beside_a_cache_of_all_their_tokens() {
    let device = wafer("wse3");
    let defects = DefectMap::none(&device);
    let graph = builtin::graph("llama-3-8b").unwrap();
    for (mapping, batch, sequence) in [
        (Mapping::Resident, 1, 8_192),
        (Mapping::Resident, 4, 2_048),
        (Mapping::Pipelined, 2, 8_192),
        (Mapping::Resident, 1, 131_072),
    ] {
        // The weights take 16 of 44 GB, and so one wafer holds them and the cache.
        let job = job(mapping, Work::Forward, batch, sequence);
        assert_eq!(fewest_wafers(&graph, &device, &defects, &job), Some(1), "{job:?}");
        let program = compile(&graph, &device, &defects, &job, &[]);
        assert_eq!(program.violations, []);
        let (tokens, micro_batches) = chunk(&program);
        assert!(tokens < sequence && tokens * micro_batches == batch * sequence, "{tokens} × {micro_batches}");
        assert_eq!(candidates(&graph, &job).last(), Some(&sequence));
        // Keys and values of 8 heads of 128 elements for every position of every sequence that stays.
        let caches = program.buffers.iter().filter(|buffer| buffer.label.ends_with("key-value cache"));
        let kept = if mapping == Mapping::Resident { batch } else { 1 };
        assert_eq!(caches.clone().count(), 32);
        for cache in caches {
            let Extent::Grid { rows, columns, bytes_per_element } = cache.extent else { panic!("a grid") };
            assert_eq!(rows.total * columns.total * bytes_per_element, 2 * 8 * 128 * 2 * sequence * kept);
        }
    }
}

#[test]
fn sequences_stay_whole_where_a_token_needs_those_behind_it() {
    let device = wafer("wse3");
    let defects = DefectMap::none(&device);
    for (model, work) in [("bert-base", Work::Forward), ("tiny", Work::Train), ("tiny", Work::Forward)] {
        let graph = builtin::graph(model).unwrap();
        let job = job(Mapping::Pipelined, work, 2, 128);
        let program = compile(&graph, &device, &defects, &job, &[]);
        let may = graph.causal && work == Work::Forward;
        assert_eq!(candidates(&graph, &job), if may { vec![64, 128] } else { vec![128] }, "{model}, {work:?}");
        if !may {
            assert_eq!(chunk(&program), (128, 2), "{model}, {work:?}");
            assert!(program.assumptions.iter().any(|words| words.starts_with("one sequence is a micro-batch: ")));
        }
    }
}

#[test]
fn a_row_of_wafers_holds_what_one_does_not() {
    let device = wafer("wse3");
    let defects = DefectMap::none(&device);
    let graph = builtin::graph("llama-3-70b").unwrap();
    let mut job = job(Mapping::Resident, Work::Forward, 3, 8_192);
    let wafers = fewest_wafers(&graph, &device, &defects, &job).unwrap();
    assert!(wafers > 1);
    job.systems = wafers - 1;
    let refused = compile(&graph, &device, &defects, &job, &[]);
    let words: Vec<String> = refused.violations.iter().map(ToString::to_string).collect();
    assert!(words.iter().any(|words| words.contains(&format!("{wafers} wafers in a row"))), "{words:?}");

    job.systems = wafers;
    let program = compile(&graph, &device, &defects, &job, &[]);
    assert_eq!(program.violations, []);
    let crossing = program
        .routes
        .iter()
        .filter(|route| program.regions[route.from.0 as usize].wafer != program.regions[route.to.0 as usize].wafer);
    assert!(crossing.clone().count() >= wafers as usize - 1);
    // What crosses takes at least its bytes over the link, and the link's own time.
    let Schedule::Pipeline { stages, .. } = &program.schedule else { panic!("a pipeline") };
    for route in crossing {
        let stage = &stages[route.to.0 as usize];
        assert!(stage.receive.0 as f64 >= route.bytes.0 as f64 / device.io_bytes_per_cycle() - 1.0);
        assert!(stage.latency.0 as f64 >= device.wafer_link_seconds.value * device.clock_run_hz.value - 1.0);
    }
    let scene = Scene {
        device: Arc::new(device),
        defects: Arc::new(defects),
        graph: Arc::new(graph),
        program: Arc::new(program),
    };
    let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
    engine.run_to_end();
    assert!(engine.trace().finished);
    // Each wafer shows its own kernels, and all of them together.
    let nothing = Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false };
    let mut shown = 0;
    for wafer in 0..wafers {
        let request = FrameRequest { layer: Layer::SramPeak, wafer, time: 0, window: 1 };
        let filled = scene.frame(&nothing, request).values.iter().filter(|&&value| value > 0).count() as u64;
        let cores = |region: &&waferscope::compiler::Region| region.wafer == wafer;
        assert_eq!(filled, scene.program.regions.iter().filter(cores).map(|region| region.rect.cores()).sum::<u64>());
        shown += filled;
    }
    assert_eq!(shown, scene.program.cores_used());
}

#[test]
fn a_longer_search_is_never_worse_and_repeats_itself() {
    let device = wafer("wse3");
    let defects = DefectMap::none(&device);
    let graph = builtin::graph("tiny").unwrap();
    let job = job(Mapping::Pipelined, Work::Forward, 8, 128);
    let chosen = |program: &Program| {
        program.steps.iter().find_map(|step| match step.decision {
            Decision::LayoutChosen { way, run } => Some((way, run.0)),
            _ => None,
        })
    };
    let brief = compile(&graph, &device, &defects, &job, &[]);
    let search = |moves| {
        let (mut thoughts, mut layouts) = (0, 0);
        let mut watch = |thought: &Thought<'_>| {
            assert!(thought.best <= thought.shelves);
            thoughts += 1;
            layouts += usize::from(thought.layout.is_some_and(|layout| layout.len() == brief.regions.len()));
            false
        };
        let search = Search { moves: Some(moves), watch: &mut watch };
        let program = compile_longer(&graph, &device, &defects, &job, &[], Some(search));
        assert!(thoughts > 0, "a search tells how far it is");
        let (way, run) = chosen(&program).unwrap();
        assert_eq!(way == LayoutWay::Floorplan, layouts > 0, "what is better than the shelves is shown");
        assert_eq!((&program.violations[..], run), (&[][..], run_time(&program).0));
        (program, run)
    };
    let (long, run) = search(30_000);
    assert!(run <= chosen(&brief).unwrap().1, "the first round is that of a compilation, and longer");
    assert_eq!(long, search(30_000).0);
    // A watch that has enough ends it, and what there is still compiles.
    let search = Search { moves: None, watch: &mut |_| true };
    let ended = compile_longer(&graph, &device, &defects, &job, &[], Some(search));
    assert_eq!(ended.violations, []);
}
