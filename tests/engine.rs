//! Properties of programs, runs and frames that hold whatever the numbers are.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::sync::Arc;

use waferscope::compiler::{
    Extent, Job, Lifetime, Mapping, Program, Schedule, SramUse, Violation, Work, check, compile, sram, step,
};
use waferscope::hardware::{Core, DefectMap, DeviceSpec, Rect};
use waferscope::scenario::file::device;
use waferscope::scenario::{PinnedKernel, Scenario, library};
use waferscope::sim::{
    Activity, Engine, FrameRequest, Layer, Scene, Trace, TrackKind, engine::Refusal, inspect, metrics, occupancy,
};
use waferscope::workload::{Graph, builtin};

fn shipped(name: &str) -> Scenario {
    library::ALL.iter().find(|shipped| shipped.name == name).unwrap().scenario()
}

fn run(scene: &Scene) -> Trace {
    let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
    engine.run_to_end();
    engine.trace().clone()
}

/// Every shipped scenario that runs, with its whole trace.
fn runs() -> Vec<(&'static str, Scene, Trace)> {
    let runnable = library::ALL.iter().filter_map(|shipped| {
        let scene = shipped.scenario().prepare().unwrap().compile();
        let valid = scene.program.is_valid();
        valid.then(|| {
            let trace = run(&scene);
            (shipped.name, scene, trace)
        })
    });
    let runs: Vec<_> = runnable.collect();
    assert_eq!(runs.len(), library::ALL.len() - 1, "all but one shipped scenario run");
    runs
}

fn wafer() -> DeviceSpec {
    device::builtin("wse3").unwrap()
}

fn tiny() -> (Graph, Job) {
    let job = Job { mapping: Mapping::Resident, work: Work::Forward, batch: 4, sequence: 128, systems: 1 };
    (builtin::graph("tiny").unwrap(), job)
}

#[test]
fn no_run_is_faster_than_its_parts() {
    for (name, scene, trace) in runs() {
        let rounds = u64::from(scene.program.schedule.micro_batches());
        match &scene.program.schedule {
            Schedule::Streaming { stages, .. } => {
                let sum = |cycles: fn(&waferscope::compiler::Stage) -> u64| stages.iter().map(cycles).sum::<u64>();
                let (compute, weights, gradients) =
                    (sum(|stage| stage.compute.0), sum(|stage| stage.stream_in.0), sum(|stage| stage.stream_out.0));
                let longest = compute.max(weights).max(gradients) * rounds;
                assert!(trace.edge >= longest, "{name}: {} cycles, {longest} of them needed", trace.edge);
                // Nor slower than if nothing overlapped.
                assert!(trace.edge <= (compute + weights + gradients) * rounds, "{name}: {}", trace.edge);
                let lanes = trace.track(TrackKind::Lanes).unwrap();
                assert_eq!(lanes.cycles_of(Activity::Compute, 0, trace.edge), compute * rounds, "{name}");
                let brought = trace.track(TrackKind::WeightsIn).unwrap();
                assert_eq!(brought.cycles_of(Activity::LoadWeights, 0, trace.edge), weights * rounds, "{name}");
            }
            Schedule::Pipeline { stages, drain, .. } => {
                let own = |stage: &waferscope::compiler::PipelineStage| stage.receive.0 + stage.compute.0;
                let slowest = stages.iter().map(own).max().unwrap();
                let once: u64 = stages.iter().map(|stage| own(stage) + stage.latency.0).sum::<u64>() + drain.0;
                assert!(trace.edge >= once + slowest * (rounds - 1), "{name}: {} < {once}", trace.edge);
                assert!(trace.edge <= once * rounds, "{name}: no worse than one after the other");
                for (track, stage) in trace.tracks.iter().zip(stages) {
                    let computed = track.cycles_of(Activity::Compute, 0, trace.edge);
                    assert_eq!(computed, stage.compute.0 * rounds, "{name}: {:?}", track.kind);
                }
            }
        }
    }
}

#[test]
fn steps_rebuild_the_program() {
    for shipped in library::ALL {
        let scene = shipped.scenario().prepare().unwrap().compile();
        let sites: Vec<(u32, Rect)> = scene.program.regions.iter().map(|region| (region.wafer, region.rect)).collect();
        assert_eq!(step::replay(&scene.program.steps), sites, "{}", shipped.name);
        let used: u64 = sites.iter().map(|(_, rect)| rect.cores()).sum();
        assert!(used <= scene.device.fabric_cores(), "{}", shipped.name);
    }
}

#[test]
fn a_partial_program_is_drawn_and_refused() {
    let scene = shipped("llama-70b-does-not-fit").prepare().unwrap().compile();
    assert!(!scene.program.regions.is_empty(), "something is placed");
    let Err(Refusal::Invalid(reasons)) = Engine::new(Arc::clone(&scene.program)) else { panic!("it does not fit") };
    assert_eq!(reasons.len(), scene.program.violations.len());
    let nothing = Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false };
    let filled = scene.frame(&nothing, FrameRequest { layer: Layer::SramPeak, wafer: 0, time: 0, window: 1 });
    let placed = filled.values.iter().filter(|&&value| value > 0).count() as u64;
    assert_eq!(placed, scene.program.cores_used());
    for layer in Layer::ALL {
        // Nothing panics on a program that never ran.
        scene.frame(&nothing, FrameRequest { layer, wafer: 0, time: 1_000, window: 2_000 });
    }
}

#[test]
fn the_checker_catches_what_is_wrong() {
    let (graph, job) = tiny();
    let device = wafer();
    let whole = DefectMap::none(&device);
    let good = compile(&graph, &device, &whole, &job, &[]);
    assert_eq!(good.violations, []);
    let judged = |change: &dyn Fn(&mut Program), defects: &DefectMap| {
        let mut program = good.clone();
        change(&mut program);
        check(&program, &device, defects)
    };

    let over = judged(&|program| program.regions[1].rect = program.regions[0].rect, &whole);
    let cores = good.regions[0].rect.cores();
    assert!(over.iter().any(|found| matches!(found, Violation::Overlap { cores: shared, .. } if *shared == cores)));

    let right = device.fabric_columns.value - good.regions[0].rect.width + 5;
    let off = judged(&|program| program.regions[0].rect.x = right, &whole);
    assert!(off.iter().any(|found| matches!(found, Violation::OffFabric { columns: 5, rows: 0, .. })), "{off:?}");

    let full = judged(&|program| program.buffers[0].extent = Extent::Uniform(60_000), &whole);
    let exceeded = |found: &Violation| matches!(found, Violation::SramExceeded { needed, available: 49_152, .. } if *needed >= 60_000);
    assert!(full.iter().any(exceeded), "{full:?}");

    // A whole physical row dies, and its neighbours leave no spare: some kernel stands on dead cores.
    let geometry = waferscope::hardware::Geometry::new(&device);
    let rows = 0..geometry.physical_rows();
    let dead: Vec<(u32, u32)> = rows.flat_map(|y| (0..200).map(move |x| (x, y))).collect();
    let broken = DefectMap::from_cores(&device, &dead);
    let on_dead = judged(&|_program| (), &broken);
    assert!(on_dead.iter().any(|found| matches!(found, Violation::DeadCores { .. })), "{on_dead:?}");
    assert!(over.iter().chain(&off).chain(&full).chain(&on_dead).all(|found| found.to_string().len() > 20));
}

#[test]
fn a_pinned_kernel_stays_where_it_was_put() {
    let mut scenario = shipped("tiny-resident");
    let rect = Rect { x: 333, y: 444, width: 60, height: 80 };
    scenario.pinned = vec![PinnedKernel { block: Some(1), op: "mlp.up".to_owned(), wafer: 0, rect }];
    let scene = scenario.prepare().unwrap().compile();
    assert_eq!(scene.program.violations, []);
    let id = scene.graph.find(Some(1), "mlp.up").unwrap();
    let kernel = scene.program.kernels.iter().position(|kernel| kernel.op == id).unwrap();
    let rects: Vec<Rect> = scene.program.rects(waferscope::compiler::KernelId(kernel as u32)).collect();
    assert_eq!(rects, [rect]);
    assert_eq!(
        scene.program.kernels.len(),
        shipped("tiny-resident").prepare().unwrap().compile().program.kernels.len()
    );
    assert!(run(&scene).finished);

    // Where it cannot lie, the checker says so and the engine refuses.
    scenario.pinned[0].rect.x = 750;
    let scene = scenario.prepare().unwrap().compile();
    assert!(
        matches!(&scene.program.violations[..], [Violation::OffFabric { columns: 48, .. }, ..]),
        "{:?}",
        scene.program.violations
    );
    assert!(Engine::new(Arc::clone(&scene.program)).is_err());
}

#[test]
fn sram_is_freed_as_often_as_it_is_taken_and_never_exceeded() {
    for (name, scene, trace) in runs() {
        let program = &scene.program;
        let limit = u64::from(scene.device.sram_bytes_per_core.value);
        assert!(metrics::sram_peak(program) <= limit, "{name}");
        assert!(trace.sram.windows(2).all(|pair| pair[0].cycle <= pair[1].cycle), "{name}: in order of time");
        let mut held = vec![0_i64; program.buffers.len()];
        let always = program.buffers.iter().filter(|buffer| buffer.lifetime == Lifetime::Always);
        let mut now: u64 =
            always.filter(|buffer| buffer.regions.contains(&0)).map(|buffer| buffer.extent.bytes_max()).sum();
        let mut most = now;
        for event in &trace.sram {
            let buffer = event.buffer.0 as usize;
            let bytes = program.buffers[buffer].extent.bytes_max();
            held[buffer] += if event.allocated { 1 } else { -1 };
            assert!((0..=1).contains(&held[buffer]), "{name}: {}", program.buffers[buffer].label);
            now = if event.allocated { now + bytes } else { now - bytes };
            most = most.max(now);
        }
        assert!(held.iter().all(|&count| count == 0), "{name}: all is freed at the end");
        if program.job.mapping == Mapping::Streaming {
            assert_eq!(most, sram::peak(program, 0).tally.total(), "{name}: the trace peaks where the program does");
        }
    }
}

/// Cores at corners, edges and in the middle of some regions.
fn samples(program: &Program) -> Vec<Core> {
    let step = (program.regions.len() / 7).max(1);
    let of = |rect: Rect| {
        let (right, bottom) = (rect.right() - 1, rect.bottom() - 1);
        [(rect.x, rect.y), (right, rect.y), (rect.x, bottom), (right, bottom), (rect.centre().x, rect.centre().y)]
    };
    let rects = program.regions.iter().step_by(step).map(|region| region.rect);
    rects.flat_map(of).map(|(x, y)| Core { x, y }).collect()
}

#[test]
fn frames_say_what_the_inspector_says() {
    for (name, scene, trace) in runs() {
        let columns = scene.device.fabric_columns.value as usize;
        let limit = f64::from(scene.device.sram_bytes_per_core.value);
        for part in [1, 5, 9] {
            let time = trace.edge / 10 * part + 17;
            // A window of one cycle lies in one interval, as the inspector's view does.
            let frame = |layer| scene.frame(&trace, FrameRequest { layer, wafer: 0, time, window: 1 });
            let [busy, state, now, peak] =
                [Layer::Utilisation, Layer::State, Layer::SramNow, Layer::SramPeak].map(frame);
            for core in samples(&scene.program) {
                let index = core.y as usize * columns + core.x as usize;
                let report = inspect::core(&scene, &trace, core, time);
                let place = format!("{name}, {core:?} at {time}");
                let scaled = |bytes: u64| bytes as f64 / limit * 255.0;
                assert!((f64::from(now.values[index]) - scaled(report.sram_now.total())).abs() <= 1.0, "{place}");
                assert!(
                    (f64::from(peak.values[index]) - scaled(report.sram_peak.tally.total())).abs() <= 1.0,
                    "{place}"
                );
                assert!(report.sram_now.total() <= report.sram_peak.tally.total(), "{place}");
                let listed: u64 = inspect::buffers(&scene, &trace, core, time).iter().map(|(_, bytes)| bytes).sum();
                assert_eq!(listed, report.sram_now.total(), "{place}");
                let Some(work) = report.work else {
                    assert_eq!((busy.values[index], state.values[index]), (0, 0), "{place}");
                    continue;
                };
                assert_eq!(Activity::ALL[usize::from(state.values[index])], work.activity, "{place}");
                assert!((0.0..=1.0).contains(&work.core_busy) && work.interval.0 <= time, "{place}");
            }
        }
    }
}

#[test]
fn utilisation_of_a_core_is_the_share_of_its_interval() {
    for (name, scene, trace) in runs() {
        let columns = scene.device.fabric_columns.value as usize;
        let mut checked = 0;
        for part in 1..10 {
            let time = trace.edge / 10 * part;
            for core in samples(&scene.program) {
                let Some(work) = inspect::core(&scene, &trace, core, time).work else { continue };
                // The window is the interval so far, at whose even rate the core works.
                let window = time - work.interval.0;
                if !(500..1 << 40).contains(&window) {
                    continue;
                }
                let request = FrameRequest { layer: Layer::Utilisation, wafer: 0, time, window };
                let value = scene.frame(&trace, request).values[core.y as usize * columns + core.x as usize];
                let expected = work.utilisation * 255.0;
                assert!((f64::from(value) - expected).abs() <= 3.0, "{name}, {core:?} at {time}: {value}, {work:?}");
                checked += 1;
            }
        }
        assert!(checked > 20, "{name}: {checked} cores were at work");
    }
}

#[test]
fn a_frame_depends_on_nothing_but_the_moment() {
    let (_, scene, trace) = runs().remove(0);
    for layer in Layer::ALL {
        for part in [7, 2, 5] {
            let request = FrameRequest { layer, wafer: 0, time: trace.edge / 8 * part, window: 2_000 };
            let frame = scene.frame(&trace, request);
            // Asked again after another one, filled by hand, and from an engine that has run no further than needed.
            scene.frame(&trace, FrameRequest { time: 3, ..request });
            assert_eq!(scene.frame(&trace, request), frame);
            let mut values = vec![0; frame.values.len()];
            scene.fill(&trace, request, &mut values);
            assert_eq!(values, frame.values);
            let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
            engine.apply(waferscope::sim::Command::RunTo(request.time + 1));
            while engine.advance(waferscope::sim::Budget { events: 10 }) == waferscope::sim::Progress::Running {}
            assert_eq!(scene.frame(engine.trace(), request), frame, "{layer:?} at {}", request.time);
        }
    }
}

#[test]
fn moments_outside_the_run_are_quiet() {
    for (name, scene, trace) in runs() {
        for time in [0, trace.edge + 10_000_000, u64::MAX / 2, u64::MAX] {
            let request = FrameRequest { layer: Layer::Utilisation, wafer: 0, time, window: 2_000 };
            assert!(scene.frame(&trace, request).values.iter().all(|&value| value == 0), "{name} at {time}");
            for layer in Layer::ALL {
                scene.frame(&trace, FrameRequest { layer, wafer: 0, time, window: u64::MAX });
            }
        }
        let strips = metrics::strips(&scene, &trace, 0, trace.edge, 64);
        let mean = strips.compute.iter().map(|&share| f64::from(share)).sum::<f64>() / 64.0;
        let summary = metrics::summary(&scene, &trace);
        assert!((mean - summary.compute_share).abs() < 0.01, "{name}: {mean} against {}", summary.compute_share);
    }
}

#[test]
fn the_mean_utilisation_is_that_of_the_frames() {
    const FRAMES: u64 = 500;
    for (name, scene, trace) in runs().into_iter().filter(|(name, ..)| !name.starts_with("1t")) {
        let window = trace.edge / FRAMES;
        let mean_of = |time| {
            let frame = scene.frame(&trace, FrameRequest { layer: Layer::Utilisation, wafer: 0, time, window });
            let sum: u64 = frame.values.iter().map(|&value| u64::from(value)).sum();
            sum as f64 / 255.0 / scene.program.cores_used() as f64
        };
        let mean = (1..=FRAMES).map(|index| mean_of(window * index)).sum::<f64>() / FRAMES as f64;
        let told = metrics::summary(&scene, &trace).utilization_mean;
        assert!((mean - told).abs() < 0.02, "{name}: frames show {mean}, the report says {told}");
    }
}

#[test]
fn memory_by_use_adds_up() {
    for (name, scene, trace) in runs() {
        let alive = occupancy::alive_at(&scene.program, &trace, trace.edge / 2);
        let tally = occupancy::tally_at(&scene.program, &alive, 0, 0, 0);
        assert_eq!(SramUse::ALL.map(|usage| tally.by_use[usage as usize]).iter().sum::<u64>(), tally.total(), "{name}");
        assert!(tally.by_use[SramUse::Code as usize] > 0, "{name}: every core holds its program");
    }
}
