//! Streams over the fabric: sound on random layouts, short, refused with amounts, and judged without mercy.

use waferscope::compiler::Violation;
use waferscope::compiler::route::{
    Edge, End, Fabric, Footprint, Outcome, Request, RouteFault, Router, Routing, Segment, Why, distance, route, verify,
};
use waferscope::hardware::{Core, DefectMap, Rect};
use waferscope::rng::Rng;
use waferscope::scenario::file::device::builtin;

fn between(from: usize, to: &[usize], bytes: u64) -> Request {
    let to = to.iter().map(|&index| End::Kernel { index, edge: Edge::West }).collect();
    Request { from: End::Kernel { index: from, edge: Edge::East }, to, bytes, trunks: 1 }
}

fn cores(from: (u32, u32), to: &[(u32, u32)]) -> Request {
    let end = |&(x, y): &(u32, u32)| End::Core(Core { x, y });
    Request { from: end(&from), to: to.iter().map(end).collect(), bytes: 64, trunks: 1 }
}

fn one_by_one(x: u32, y: u32) -> Footprint {
    Footprint { rect: Rect { x, y, width: 1, height: 1 }, colours: 0 }
}

/// Kernels on a grid of cells, each at a random place in its cell, with `per_kernel` streams each.
fn layout(fabric: &Fabric, cells: (u32, u32), seed: u64) -> (Vec<Footprint>, Vec<Request>) {
    let mut rng = Rng::substream(seed, "route layouts");
    let (width, height) = (fabric.columns / cells.0, fabric.rows / cells.1);
    let mut kernels = Vec::new();
    for cell in 0..cells.0 * cells.1 {
        let (w, h) = (1 + rng.below(width), 1 + rng.below(height));
        let x = cell % cells.0 * width + rng.below(width - w + 1);
        let y = cell / cells.0 * height + rng.below(height - h + 1);
        kernels.push(Footprint { rect: Rect { x, y, width: w, height: h }, colours: rng.below(6) });
    }
    let count = kernels.len();
    let mut requests = Vec::new();
    for from in 0..count {
        let near = |rng: &mut Rng| (from + 1 + rng.below(cells.0 * 2) as usize) % count;
        requests.push(between(from, &[(from + 1) % count], 1_000 + u64::from(rng.below(100_000))));
        let readers: Vec<usize> = (0..=rng.below(3)).map(|_| near(&mut rng)).filter(|&to| to != from).collect();
        if !readers.is_empty() {
            let trunks = 1 + rng.below(3);
            requests.push(Request { trunks, ..between(from, &readers, 1_000 + u64::from(rng.below(100_000))) });
        }
    }
    (kernels, requests)
}

fn sound(fabric: &Fabric, kernels: &[Footprint], requests: &[Request], routing: &Routing) {
    let faults = verify(fabric, kernels, requests, routing);
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", words.join("\n"));
}

#[test]
fn random_layouts_are_routed_soundly_and_alike_every_time() {
    for seed in 0..24 {
        let mut fabric = Fabric::whole(120 + seed as u32, 90, 21);
        if seed % 3 == 0 {
            // Some rows have lost their easternmost cores.
            fabric.living_columns =
                (0..fabric.rows).map(|y| fabric.columns - if y % 7 == 0 { y % 5 } else { 0 }).collect();
        }
        let (kernels, requests) = layout(&fabric, (8, 6), seed);
        let routing = route(&fabric, &kernels, &requests);
        sound(&fabric, &kernels, &requests, &routing);
        assert_eq!(routing, route(&fabric, &kernels, &requests));
        for (_, trunk) in routing.trunks() {
            let far = trunk.sinks.iter().map(|&sink| distance(trunk.source, sink)).max().unwrap();
            assert!(trunk.hops >= far);
        }
        let routed = routing.routes.iter().filter(|route| route.routed().is_some()).count();
        assert!(routed * 10 >= requests.len() * 9, "{routed} of {} routed on seed {seed}", requests.len());
    }
}

#[test]
fn a_stream_alone_takes_a_shortest_way_and_sharing_never_costs_links_or_hops() {
    let fabric = Fabric::whole(90, 70, 21);
    let mut rng = Rng::substream(3, "readers");
    for _ in 0..200 {
        let mut place = || (rng.below(fabric.columns), rng.below(fabric.rows));
        let (from, to) = (place(), [place(), place(), place(), place(), place()]);
        let request = cores(from, &to);
        let routing = route(&fabric, &[], std::slice::from_ref(&request));
        sound(&fabric, &[], &[request], &routing);
        let shared = routing.routes[0].routed().unwrap();
        let source = Core { x: from.0, y: from.1 };
        let alone: Vec<u32> = to.iter().map(|&(x, y)| distance(source, Core { x, y })).collect();
        assert_eq!(shared.hops(), *alone.iter().max().unwrap());
        assert!(shared.links() <= alone.iter().map(|&hops| u64::from(hops)).sum());
        let single = route(&fabric, &[], &[cores(from, &to[..1])]);
        assert_eq!(single.routes[0].routed().unwrap().hops(), alone[0]);
        assert_eq!(single.routes[0].routed().unwrap().segments().count() > 0, alone[0] > 0);
    }
}

#[test]
fn more_streams_than_colours_are_refused_by_name_and_amount() {
    // Twenty-five kernels west and east of a bridge one row high: the row is the whole fabric.
    let device = builtin("wse3").unwrap();
    let published = Fabric::new(&device, &DefectMap::none(&device));
    assert_eq!((published.colours, published.link_bytes_per_cycle), (21, 4));
    let fabric = Fabric { rows: 1, living_columns: Vec::new(), ..published };
    let west = (0..25).map(|index| one_by_one(index, 0));
    let kernels: Vec<Footprint> = west.chain((0..25).map(|index| one_by_one(600 + index, 0))).collect();
    let requests: Vec<Request> = (0..25).map(|index| between(index, &[25 + index], 4_096)).collect();
    let routing = route(&fabric, &kernels, &requests);
    sound(&fabric, &kernels, &requests, &routing);
    let unrouted: Vec<(usize, Why)> = routing.unrouted().collect();
    assert_eq!(unrouted.len(), 4);
    for (_, why) in &unrouted {
        assert!(matches!(why, Why::Colours { needed: 25, available: 21, .. }), "{why}");
    }
    assert_eq!(routing.peak_router.map(|peak| (peak.used, peak.available)), Some((21, 21)));
    assert_eq!(routing.peak_link.map(|peak| peak.bytes), Some(21 * 4_096));
    let violations = routing.violations(&requests, |kernel| format!("kernel {kernel}"));
    let Violation::ColoursExhausted { who, at, needed: 25, available: 21 } = &violations[0] else {
        panic!("{violations:?}");
    };
    assert!(who.starts_with("kernel ") && (24..=600).contains(&at.x), "{}", violations[0]);
    // A kernel on the bridge that uses nine colours inside leaves twelve.
    let bridge = Footprint { rect: Rect { x: 300, y: 0, width: 9, height: 1 }, colours: 9 };
    let narrow: Vec<Footprint> = kernels.iter().copied().chain([bridge]).collect();
    let routing = route(&fabric, &narrow, &requests);
    sound(&fabric, &narrow, &requests, &routing);
    assert_eq!(routing.unrouted().count(), 13);
    assert!(routing.unrouted().all(|(_, why)| matches!(why, Why::Colours { needed: 25, available: 12, .. })));
    // Kernels and a bridge of two rows bring the four others across, over the second row of each edge.
    let wide = Fabric { rows: 2, ..fabric };
    let high = |kernel: &Footprint| Footprint { rect: Rect { height: 2, ..kernel.rect }, ..*kernel };
    let kernels: Vec<Footprint> = kernels.iter().map(high).collect();
    let routing = route(&wide, &kernels, &requests);
    sound(&wide, &kernels, &requests, &routing);
    assert_eq!(routing.unrouted().count(), 0);
}

#[test]
fn ripping_up_finds_what_the_greedy_order_misses() {
    // One row, two colours. The short ends take colour 0, the middle one 1, and the last meets both; exchanging the
    // colours at one end lets it pass.
    let fabric = Fabric::whole(8, 1, 2);
    let spans = [(0, 1), (6, 7), (1, 3), (3, 6)];
    let requests: Vec<Request> = spans.iter().map(|&(from, to)| cores((from, 0), &[(to, 0)])).collect();
    let routing = route(&fabric, &[], &requests);
    sound(&fabric, &[], &requests, &routing);
    assert_eq!(routing.unrouted().count(), 0);
    assert_eq!(routing.rips.iter().map(|rip| (rip.request, rip.moved.clone())).collect::<Vec<_>>(), [(3, vec![1])]);
    // Three streams over one link with two colours stay impossible.
    let requests = vec![cores((0, 0), &[(5, 0)]), cores((1, 0), &[(6, 0)]), cores((2, 0), &[(7, 0)])];
    let routing = route(&fabric, &[], &requests);
    assert_eq!(routing.unrouted().count(), 1);
    sound(&fabric, &[], &requests, &routing);
}

#[test]
fn a_detour_is_found_around_full_routers_and_lost_cores() {
    // A wall of kernels that use every colour inside, with one gap in the south.
    let wall = Footprint { rect: Rect { x: 20, y: 0, width: 3, height: 28 }, colours: 21 };
    let fabric = Fabric::whole(40, 30, 21);
    let request = cores((5, 5), &[(35, 5)]);
    let routing = route(&fabric, &[wall], std::slice::from_ref(&request));
    sound(&fabric, &[wall], std::slice::from_ref(&request), &routing);
    // Down to row 28, and back.
    assert_eq!(routing.routes[0].routed().unwrap().hops(), 30 + 2 * 23);
    // Without the gap there is no way, and an end on a lost core is said to be lost.
    let closed = Footprint { rect: Rect { height: 30, ..wall.rect }, ..wall };
    let routing = route(&fabric, &[closed], std::slice::from_ref(&request));
    assert!(matches!(routing.routes[0], Outcome::Unrouted(Why::Closed { .. })), "{:?}", routing.routes[0]);
    let lost = Fabric { living_columns: vec![30; 30], ..fabric };
    let routing = route(&lost, &[], std::slice::from_ref(&request));
    assert_eq!(routing.routes[0], Outcome::Unrouted(Why::Lost { at: Core { x: 35, y: 5 } }));
}

#[test]
fn load_decides_among_shortest_ways_and_trunks_share_it() {
    let fabric = Fabric::whole(60, 60, 21);
    // Both may bend either way; the second avoids the first.
    let requests = [cores((10, 10), &[(50, 50)]), cores((10, 10), &[(50, 50)])];
    let routing = route(&fabric, &[], &requests);
    assert_eq!(routing.peak_link.map(|peak| peak.bytes), Some(64));
    // One heavy stream over four trunks loads links with a quarter of it.
    let kernels = [(0, 0), (40, 9)].map(|(x, y)| Footprint { rect: Rect { x, y, width: 10, height: 40 }, colours: 4 });
    let request = Request { trunks: 4, ..between(0, &[1], 1_002) };
    let routing = route(&fabric, &kernels, std::slice::from_ref(&request));
    sound(&fabric, &kernels, &[request], &routing);
    let routed = routing.routes[0].routed().unwrap();
    assert_eq!(routed.trunks.iter().map(|trunk| trunk.bytes).collect::<Vec<_>>(), [251, 251, 250, 250]);
    assert_eq!(routing.peak_link.map(|peak| peak.bytes), Some(251));
    assert_eq!(routing.loads(&fabric).leaving(routed.trunks[0].source, Edge::East), 251);
    assert_eq!(fabric.trunks_for(4_000, waferscope::units::Cycles(300)), 4);
}

#[test]
fn moving_and_previewing_keep_every_other_route_sound() {
    let fabric = Fabric::whole(130, 95, 21);
    let (kernels, requests) = layout(&fabric, (8, 6), 77);
    let routing = route(&fabric, &kernels, &requests);
    let mut router = Router::resume(&fabric, &kernels, &requests, &routing);
    assert_eq!(router.routing(), routing);
    let mut rng = Rng::substream(5, "moves");
    let mut now = kernels;
    for _ in 0..60 {
        let index = rng.below(now.len() as u32) as usize;
        let Rect { width, height, .. } = now[index].rect;
        let (x, y) = (rng.below(fabric.columns - width + 1), rng.below(fabric.rows - height + 1));
        let rect = Rect { x, y, width, height };
        let before = router.routing();
        let preview = router.preview(index, rect);
        assert_eq!(router.routing(), before, "a preview changed something");
        router.move_kernel(index, rect);
        now[index].rect = rect;
        let after = router.routing();
        sound(&fabric, &now, &requests, &after);
        for (request, outcome) in preview.own.iter().chain(&preview.displaced) {
            assert_eq!(after.routes[*request].routed(), outcome.routed());
        }
    }
    // A stream that is taken out and added again finds a way among the others.
    let after = router.routing();
    let (request, _) = after.trunks().next().unwrap();
    router.remove(request);
    assert!(matches!(router.outcome(request), Outcome::Unrouted(_)));
    let again = router.add(requests[request].clone());
    assert!(router.outcome(again).routed().is_some());
}

#[test]
fn every_kind_of_broken_routing_is_caught() {
    let fabric = Fabric { living_columns: vec![40; 30], ..Fabric::whole(44, 30, 21) };
    let kernels =
        [(2, 2), (30, 20), (15, 0)].map(|(x, y)| Footprint { rect: Rect { x, y, width: 6, height: 6 }, colours: 3 });
    let requests = [between(0, &[1], 500), between(0, &[1, 2], 700)];
    let routing = route(&fabric, &kernels, &requests);
    sound(&fabric, &kernels, &requests, &routing);
    let broken = |change: &dyn Fn(&mut Routing)| {
        let mut routing = routing.clone();
        change(&mut routing);
        verify(&fabric, &kernels, &requests, &routing)
    };
    fn trunk(routing: &mut Routing, request: usize) -> &mut waferscope::compiler::route::Trunk {
        let Outcome::Routed(routed) = &mut routing.routes[request] else { panic!("it was routed") };
        &mut routed.trunks[0]
    }
    let colour = routing.trunks().next().unwrap().1.colour;
    let source = routing.trunks().next().unwrap().1.source;
    type Break<'a> = (&'a dyn Fn(&mut Routing), &'a dyn Fn(&RouteFault) -> bool);
    let off = Core { x: 42, y: source.y };
    let cases: [Break<'_>; 15] = [
        (&|r| drop(r.routes.pop()), &|f| matches!(f, RouteFault::Count { routes: 1, requests: 2 })),
        (&|r| trunk(r, 1).colour = colour, &|f| matches!(f, RouteFault::ColourTwice { request: 1, with: 0, .. })),
        (&|r| trunk(r, 0).colour = 20, &|f| matches!(f, RouteFault::ColourInside { request: 0, colour: 20, .. })),
        (&|r| trunk(r, 0).colour = 22, &|f| matches!(f, RouteFault::NoSuchColour { colour: 22, .. })),
        (&|r| trunk(r, 0).hops -= 1, &|f| matches!(f, RouteFault::Hops { request: 0, .. })),
        (&|r| trunk(r, 0).bytes += 1, &|f| matches!(f, RouteFault::Bytes { stated: 501, expected: 500, .. })),
        (&|r| trunk(r, 0).segments.truncate(1), &|f| matches!(f, RouteFault::NotReached { request: 0, .. })),
        (&|r| trunk(r, 0).segments.reverse(), &|f| matches!(f, RouteFault::Torn { request: 0, .. })),
        (&|r| trunk(r, 0).segments[0].to.y += 1, &|f| matches!(f, RouteFault::Bent { .. } | RouteFault::Torn { .. })),
        (&|r| trunk(r, 0).sinks[0].x += 9, &|f| matches!(f, RouteFault::WrongEnd { request: 0, .. })),
        (&|r| trunk(r, 0).segments.push(Segment { from: source, to: Core { x: source.x, y: source.y - 2 } }), &|f| {
            matches!(f, RouteFault::LooseEnd { request: 0, .. })
        }),
        (
            &|r| {
                let back = trunk(r, 0).segments[0];
                trunk(r, 0).segments.push(back);
            },
            &|f| matches!(f, RouteFault::Loop { request: 0, .. }),
        ),
        (&|r| trunk(r, 0).segments.push(Segment { from: source, to: off }), &|f| {
            matches!(f, RouteFault::NotThere { .. } | RouteFault::Loop { .. })
        }),
        (&|r| r.peak_link = None, &|f| matches!(f, RouteFault::PeakLink { stated: None, .. })),
        (&|r| r.peak_router = None, &|f| matches!(f, RouteFault::PeakRouter { stated: None, .. })),
    ];
    for (index, (change, caught)) in cases.iter().enumerate() {
        let faults = broken(change);
        assert!(faults.iter().any(caught), "case {index}: {faults:?}");
    }
    let mut doubled = routing.clone();
    let Outcome::Routed(routed) = &mut doubled.routes[0] else { panic!("it was routed") };
    routed.trunks.clear();
    let faults = verify(&fabric, &kernels, &requests, &doubled);
    assert!(faults.contains(&RouteFault::Lanes { request: 0, found: 0, expected: 1 }), "{faults:?}");
}

#[test]
fn a_crowded_wafer_is_routed_soundly_and_says_where_it_gave_up() {
    let device = builtin("wse3").unwrap();
    let fabric = Fabric::new(&device, &DefectMap::random(&device, 7, 0.01));
    let (kernels, requests) = layout(&fabric, (44, 25), 1);
    let routing = route(&fabric, &kernels, &requests);
    sound(&fabric, &kernels, &requests, &routing);
    let unrouted = routing.unrouted().count();
    assert!(unrouted * 7 <= requests.len(), "{unrouted} of {} without a way", requests.len());
    // The budget ends before the last of them, and is said to.
    assert!(routing.unrouted().any(|(_, why)| matches!(why, Why::GaveUp { .. })));
    let used = routing.colours(&fabric, &kernels);
    let peak = routing.peak_router.unwrap();
    assert_eq!(used.iter().copied().max().map(u32::from), Some(peak.used));
    assert_eq!(u32::from(used[peak.at.y as usize * fabric.columns as usize + peak.at.x as usize]), peak.used);
    assert_eq!(Router::resume(&fabric, &kernels, &requests, &routing).routing(), routing);
}
