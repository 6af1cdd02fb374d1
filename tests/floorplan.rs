//! The floorplanner and the placement benchmark on graphs written here: formulas against the published example and
//! against counting, bounds, legality, determinism, formats, obstacles and pinned kernels.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use waferscope::compiler::benchmark::judge::needs_adapter;
use waferscope::compiler::benchmark::{Arguments, Benchmark, Fault, Kernel, Placed, Shaper, judge, paint};
use waferscope::compiler::floorplan::{self, Block, Budget, Curve, Objective, Problem, Shapes, Wire, bound};
use waferscope::hardware::Rect;
use waferscope::workload::import::kgraph::{self, NodeKind};

/// The kernel graph of the benchmark's description.
const EXAMPLE: &str = "(* Node Definitions *)
output[0] n=[28 28 512] name='y'
input[1] n=[56 56 256] name='x'
cblock[2] f=512 h=56 w=56
dblock[3] f=512 h=28 w=28
dblock[4] f=256 h=56 w=56 name='k1'
(* Connectivity *)
input[1]:_ -> dblock[4]:x, shape:[56][56][256]
cblock[2]:y -> dblock[3]:x, shape:[28][28][512]
dblock[3]:y -> output[0]:_, shape:[28][28][512]
dblock[4]:y -> cblock[2]:x, shape:[56][56][256]
";

/// Its example solution, which calls the three kernels k1, k2 and k3 in the order of the data.
const EXAMPLE_PAINT: &str = "k1 = dblock( 56 56 256 4 4 8 8 8 8 64 16 )
k1 : place(0 148 R0)
k2 = cblock( 56 56 512 4 4 8 8 8 8 32 32 8 19 )
k2 : place(150 0 R0)
k3 = dblock( 28 28 512 4 4 8 8 8 8 32 8 )
k3 : place(0 0 R90)
";

/// A chain with a branch and a stride, small enough to search in no time.
const SMALL: &str = "(*
test=small
width=64
height=60
wdeltat=1
wlength=2
wadapter=5
memlimit=4096
*)
input[0] n=[8 8 16]
conv[1] H=8 W=8 R=1 S=1 C=16 K=32 T=1 U=1 name='a'
conv[2] H=8 W=8 R=3 S=3 C=32 K=32 T=2 U=2 name='b'
conv[3] H=4 W=4 R=1 S=1 C=32 K=64 T=1 U=1 name='c'
conv[4] H=8 W=8 R=1 S=1 C=32 K=64 T=2 U=2 name='d'
dblock[5] f=64 h=4 w=4 name='e'
input[0]:_ -> conv[1]:x, shape:[8][8][16]
conv[1]:y -> conv[2]:x, shape:[8][8][32]
conv[2]:y -> conv[3]:x, shape:[4][4][32]
conv[1]:y -> conv[4]:x, shape:[8][8][32]
conv[4]:y -> conv[3]:x, shape:[4][4][64]
conv[3]:y -> dblock[5]:x, shape:[4][4][64]
";

fn benchmark(text: &str) -> Benchmark {
    Benchmark::new(&kgraph::read(text.as_bytes()).unwrap()).unwrap()
}

fn refusal(text: &str) -> String {
    kgraph::read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn the_published_example_takes_its_published_time() {
    let benchmark = benchmark(EXAMPLE);
    let placed = paint::read(&benchmark, EXAMPLE_PAINT.as_bytes()).unwrap();
    let judgement = judge(&benchmark, &placed);
    assert_eq!(judgement.faults, []);
    assert_eq!(benchmark.time(judgement.max_ticks), 50_176.0);
    // Centres (132, 220), (286.5, 72) and (72, 72): 302.5 and 214.5 cores apart.
    assert_eq!(judgement.wire_halves, 605 + 429);
}

#[test]
fn a_placement_that_breaks_a_rule_is_told_which() {
    let benchmark = benchmark(EXAMPLE);
    let faults = |from: &str, to: &str| {
        let text = EXAMPLE_PAINT.replace(from, to);
        judge(&benchmark, &paint::read(&benchmark, text.as_bytes()).unwrap()).faults
    };
    let [k1, k2, k3] = ["k1", "k2", "k3"].map(str::to_owned);
    let overlap = Fault::Overlap { kernels: [k3.clone(), k2.clone()], cores: 44 * 144 };
    assert_eq!(faults("place(150 0 R0)", "place(100 0 R0)"), [overlap]);
    let outside = Fault::Outside { kernel: k2.clone(), columns: 400 + 273 - 633, rows: 0 };
    assert_eq!(faults("place(150 0 R0)", "place(400 0 R0)"), [outside]);
    assert_eq!(faults("k1 : place(0 148 R0)\n", ""), [Fault::Missing { kernel: k1 }]);
    assert_eq!(faults("512 4 4 8 8 8 8 32 8 )", "512 29 4 8 8 8 8 32 8 )"), [Fault::Arguments { kernel: k3 }]);
    let memory = faults("32 32 8 19", "32 32 1 1");
    assert_eq!(memory, [Fault::Memory { kernel: k2, limit: 24_576 }]);
}

/// Least height for every width by trying all arguments of the performance functions.
fn curve_by_counting(kernel: &Kernel, parts: [u64; 2], ticks: u64, memory: u64, side: u32) -> Curve {
    let mut boxes = Vec::new();
    let [rows_max, columns_max] = parts;
    for rows in 1..=rows_max {
        for columns in 1..=columns_max {
            for parts_in in 1..=12 {
                for parts_out in 1..=10 {
                    let arguments = Arguments { rows, columns, features: vec![[parts_in, parts_out]] };
                    let performance = kernel.perform(&arguments, 4, memory);
                    if kernel.allows(&arguments) && performance.fits && performance.ticks <= ticks {
                        boxes.push([performance.width as u32, performance.height as u32]);
                    }
                }
            }
        }
    }
    Curve::of_boxes(boxes, side)
}

#[test]
fn shape_curves_hold_exactly_what_counting_finds() {
    let kind = NodeKind::Conv {
        height: 6,
        width: 5,
        filter_height: 3,
        filter_width: 1,
        features_in: 12,
        features_out: 10,
        stride_rows: 2,
        stride_columns: 2,
    };
    let kernel = Kernel::of(kind).unwrap();
    for memory in [90, 400, 24_576] {
        let shaper = Shaper::new(kernel.clone(), 4, memory, 120);
        for ticks in [1, 9, 17, 60, 250, 1_000, 20_000] {
            let counted = curve_by_counting(&kernel, [6, 5], ticks, memory, 120);
            assert_eq!(shaper.curve(ticks, 120), counted, "{ticks} ticks, {memory} elements");
            for [width, height] in counted.corners(120, 120).chain(shaper.alternatives(ticks, 120)) {
                let (arguments, turned) = shaper.arguments(ticks, [width, height]).unwrap();
                let performance = kernel.perform(&arguments, 4, memory);
                let size = [performance.width as u32, performance.height as u32];
                assert_eq!(size, if turned { [height, width] } else { [width, height] });
                assert!(kernel.allows(&arguments) && performance.fits && performance.ticks <= ticks);
            }
        }
    }
}

#[test]
fn a_budget_in_moves_repeats_and_the_result_is_legal_and_above_its_bounds() {
    let benchmark = benchmark(SMALL);
    let bounds = benchmark.bounds().unwrap();
    for objective in [Objective::Score, Objective::Time] {
        let place = |seed| benchmark.place(objective, Budget::Moves(20_000), seed, &mut |_| 0.0).unwrap().0;
        let placed = place(3);
        assert_eq!(placed, place(3));
        let judgement = judge(&benchmark, &placed.iter().cloned().map(Some).collect::<Vec<_>>());
        assert_eq!(judgement.faults, []);
        assert!(judgement.max_ticks >= bounds.ticks && judgement.score >= bounds.score, "{judgement:?} {bounds:?}");
        assert!(judgement.max_ticks as f64 <= 1.6 * bounds.ticks as f64, "{judgement:?} {bounds:?}");
    }
}

#[test]
fn a_placement_file_is_written_as_it_was_read() {
    let benchmark = benchmark(SMALL);
    let (placed, _) = benchmark.place(Objective::Score, Budget::Moves(2_000), 1, &mut |_| 0.0).unwrap();
    let text = paint::write(&benchmark, &placed);
    let read: Vec<Placed> = paint::read(&benchmark, text.as_bytes()).unwrap().into_iter().map(Option::unwrap).collect();
    assert_eq!(read, placed);
    assert_eq!(paint::write(&benchmark, &read), text);
    for (wrong, line) in [("a = conv( 8 8", "line 1"), ("nobody : place(0 0 R0)", "line 1"), ("?", "line 1")] {
        let error = paint::read(&benchmark, wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(line) && error.len() < 200, "{error}");
    }
}

#[test]
fn the_watch_sees_the_best_fall_and_can_end_the_search() {
    let benchmark = benchmark(SMALL);
    let mut seen: Vec<f64> = Vec::new();
    let mut looks = 0;
    let mut watch = |progress: &floorplan::Progress| {
        seen.extend(progress.best);
        looks += 1;
        f64::from(looks) / 40.0
    };
    benchmark.place(Objective::Score, Budget::Watch, 1, &mut watch).unwrap();
    assert!((30..=60).contains(&looks), "{looks} looks");
    assert!(seen.is_sorted_by(|a, b| a >= b) && !seen.is_empty(), "{seen:?}");
}

#[test]
fn an_adapter_stands_where_splits_differ() {
    let producer = Arguments { rows: 2, columns: 3, features: vec![[4, 5], [6, 7]] };
    let consumer = |rows, parts_in| Arguments { rows, columns: 3, features: vec![[parts_in, 9]] };
    assert!(!needs_adapter(&producer, &consumer(2, 7)));
    assert!(needs_adapter(&producer, &consumer(3, 7)));
    assert!(needs_adapter(&producer, &consumer(2, 5)));
}

#[test]
fn boxes_that_are_placed_get_arguments_with_fewer_adapters() {
    let asked = benchmark(SMALL);
    let silent = benchmark(&SMALL.replace("wadapter=5", "wadapter=0"));
    for seed in 1..4 {
        let judged = |from: &Benchmark| {
            let (placed, _) = from.place(Objective::Score, Budget::Moves(3_000), seed, &mut |_| 0.0).unwrap();
            judge(&asked, &placed.into_iter().map(Some).collect::<Vec<_>>())
        };
        let (with, without) = (judged(&asked), judged(&silent));
        assert_eq!(with.faults, []);
        assert!(with.score <= without.score, "{with:?} {without:?}");
        assert!(with.adapters <= without.adapters, "{with:?} {without:?}");
    }
}

/// A kernel of `work` core-ticks that any box of enough cores holds.
struct Fluid {
    work: u64,
}

impl Shapes for Fluid {
    fn curve(&self, ticks: u64, side: u32) -> Curve {
        let cores = self.work.div_ceil(ticks.max(1));
        Curve::of_boxes((1..=side).map(|width| [width, cores.div_ceil(u64::from(width)).max(1) as u32]), side)
    }

    fn slowest_ticks(&self) -> u64 {
        self.work
    }
}

fn apart(rects: &[Rect], obstacles: &[Rect], width: u32, height: u32) -> bool {
    let inside = rects.iter().all(|rect| rect.right() <= width && rect.bottom() <= height && rect.cores() > 0);
    let all: Vec<&Rect> = rects.iter().chain(obstacles).collect();
    let pairs = rects.iter().enumerate().flat_map(|(at, rect)| all[at + 1..].iter().map(move |other| (rect, *other)));
    inside && pairs.clone().all(|(a, b)| a.intersection(b).is_none())
}

#[test]
fn pinned_kernels_stay_and_nothing_touches_dead_cores() {
    let (small, large) = (Fluid { work: 40_000 }, Fluid { work: 160_000 });
    let pinned = Rect { x: 10, y: 12, width: 9, height: 7 };
    let mut blocks: Vec<Block> = (0..8).map(|index| Block::free(index % 2)).collect();
    blocks[3].pinned = Some(pinned);
    let obstacles: Vec<Rect> =
        (0..5).map(|index| Rect { x: 7 + 9 * index, y: 40 - 8 * index, width: 1, height: 2 }).collect();
    let problem = Problem {
        width: 50,
        height: 44,
        kinds: vec![&small, &large],
        blocks,
        wires: (0..7).map(|from| Wire { from, to: from + 1, weight: 1 }).collect(),
        obstacles: obstacles.clone(),
        tick_price: 1.0,
        wire_price: 1.0,
        objective: Objective::Time,
    };
    let solve = || floorplan::solve(&problem, Budget::Moves(4_000), 1, &mut |_| 0.0).unwrap();
    let found = solve();
    assert_eq!(found, solve());
    assert_eq!(found.rects[3], pinned);
    assert!(apart(&found.rects, &obstacles, 50, 44), "{found:?}");
    assert_eq!(problem.wire_halves(&found.rects), found.wire_halves);
    let least = bound::least_ticks(&problem).unwrap();
    assert!(found.ticks >= least && found.ticks <= 2 * least, "{} ticks, bound {least}", found.ticks);
    // Where everything is taken, there is no place.
    let full = Problem { obstacles: vec![Rect { x: 0, y: 0, width: 50, height: 44 }], ..problem };
    assert!(floorplan::solve(&full, Budget::Moves(100), 1, &mut |_| 0.0).is_none());
}

#[test]
fn a_thousand_kernels_are_placed() {
    let kinds: Vec<Fluid> = (1..6).map(|index| Fluid { work: 3_000 * index }).collect();
    let problem = Problem {
        width: 200,
        height: 150,
        kinds: kinds.iter().map(|kind| kind as &dyn Shapes).collect(),
        blocks: (0..1_000).map(|index| Block::free(index % 5)).collect(),
        wires: (0..999).map(|from| Wire { from, to: from + 1, weight: 1 }).collect(),
        obstacles: Vec::new(),
        tick_price: 1.0,
        wire_price: 0.1,
        objective: Objective::Score,
    };
    let found = floorplan::solve(&problem, Budget::Moves(500), 1, &mut |_| 0.0).unwrap();
    assert!(apart(&found.rects, &[], 200, 150));
    assert!(found.ticks <= 2 * bound::least_ticks(&problem).unwrap());
}

#[test]
fn graphs_that_make_no_sense_are_refused_with_their_line() {
    let line = |text: &str| format!("{text}\n");
    let conv = "conv[1] H=4 W=4 R=1 S=1 C=4 K=4 T=1 U=1\n";
    for (text, said) in [
        (String::new(), "expected at least one conv"),
        (line("pool[1] H=4"), "line 1: expected conv, dblock"),
        (conv.replace("H=4", "H=0"), "line 1: conv[1] H: expected a whole number from 1"),
        (conv.replace("K=4", "K=99999999"), "line 1: conv[1] K"),
        (conv.replace("K=4 ", ""), "line 1: conv[1] K: expected a whole number, found nothing"),
        (conv.replace("K=4", "Q=4"), "line 1: conv[1]: expected H, W"),
        (conv.repeat(2), "line 2: expected the number 1 once"),
        (line(conv) + "conv[1]:y -> conv[2]:x, shape:[4]\n", "line 3: expected a node that is defined"),
        (line(conv) + "conv[1]:y -> conv[1]:x, shape:[4]\n", "line 3: expected an edge between two nodes"),
        (line(conv) + "conv[1]:y -> dblock[1]:x, shape:[4]\n", "line 3: expected conv[1] as defined"),
        (line(conv) + "conv[1] -> conv[1]\n", "line 3: expected an edge such as"),
        (line("dblock[1] f=6 h=2 w=2"), "line 1: dblock[1] f: expected a multiple of 4"),
        (format!("(*\nwidth=0\n*)\n{conv}"), "line 2: width: expected a whole number from 1"),
        (format!("(*\nwlength=nan\n*)\n{conv}"), "line 2: wlength: expected a number"),
        (format!("(*\n{conv}"), "expected *)"),
    ] {
        let refused = refusal(&text);
        assert!(refused.starts_with(said), "{refused}");
    }
    let huge = conv.replace("H=4 W=4", "H=1048576 W=1048576").replace("C=4", "C=1048576");
    let error = Benchmark::new(&kgraph::read(huge.as_bytes()).unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("line 1: k1 has too much work"), "{error}");
    let starved = format!("(*\nmemlimit=1\n*)\n{conv}");
    let error = Benchmark::new(&kgraph::read(starved.as_bytes()).unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("line 4: k1 fits into 633 × 633 cores with no"), "{error}");
}
