//! Reference values of the closed forms, worked out independently, and the signatures that a mesh must show.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails on the spot")]

use waferscope::analytic::collective::{
    all_reduce, nearest_groups, released_groups, scalar_all_reduce, two_phase_reduce,
};
use waferscope::analytic::decode::{self, ALL_REDUCES, FUSED_ALL_REDUCES, Layout, PRODUCTS};
use waferscope::analytic::matrix::{Moves, Tile, gemm, gemv};
use waferscope::analytic::{Heads, Prices, Shape, capacity, prefill, regions, request, stencil};
use waferscope::scenario::file::device;
use waferscope::workload::builtin;

/// The constants that the reference values were worked out with.
fn prices(name: &str) -> Prices {
    Prices::new(&device::builtin(name).unwrap()).with_fitted([2.9, 28.5, 91.0, 1.2, 30.0, 193.0])
}

fn shape(model: &str) -> Shape {
    Shape::of(&builtin::graph(model).unwrap()).unwrap()
}

fn layout(cores: u32) -> Layout {
    Layout { cores, groups: released_groups(cores), heads: Heads::FullWidth, fused: false }
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
}

#[test]
fn instructions_and_reductions_cost_what_was_worked_out_by_hand() {
    let wse2 = prices("wse2");
    assert_eq!([6, 7, 8].map(|length| wse2.data(length)), [3.0, 3.0, 2.0]);
    assert_eq!([6, 8, 9, 16].map(|length| prices("wse3").data(length)), [2.0, 2.0, 4.0, 4.0]);
    near(wse2.fma(7), 5.9, 1e-9);
    for (cores, groups, length, cycles) in [(420, 20, 1, 577.125), (540, 20, 10, 738.125), (660, 22, 22, 907.625)] {
        assert_eq!(released_groups(cores), groups);
        near(all_reduce(&wse2, cores, groups, length).total(), cycles, 1e-9);
    }
    for (group, cycles) in [(4, 9_353.0), (32, 8_933.0), (512, 7_162.0)] {
        near(two_phase_reduce(&wse2, 512, group, 4_096), cycles, 1e-9);
    }
    near(gemv(&wse2, 720, 24, Tile::of(1, 16_384, 16_384, 720)).total(), 1_244.7, 0.05);
}

#[test]
fn layers_cost_what_was_worked_out_by_hand() {
    let (wse2, llama) = (prices("wse2"), shape("llama-3-8b"));
    for (cores, cycles) in [(420, 12_796.6), (540, 13_721.0), (660, 15_323.8)] {
        near(decode::layer(&wse2, &llama, layout(cores), 4_096).total(), cycles, 0.05);
    }
    for (cores, cycles) in [(480, 6_961_293.0), (600, 5_384_358.0), (720, 5_063_977.0)] {
        near(prefill::layer(&wse2, &llama, cores, Heads::FullWidth, 4_096).total(), cycles, 0.5);
    }
    near(prefill::layer(&wse2, &llama, 660, Heads::FullWidth, 2_048).total(), 4_353_195.0, 0.5);
    near(decode::layer(&wse2, &llama, layout(360), 2_176).total(), 12_352.5, 0.05);
    near(request::moved(&llama, 660, Heads::FullWidth), 5_897_446.0, 0.5);
    let wse3 = prices("wse3");
    let tile = Tile { m: 8, k: 8, n: 8 };
    for (multiply, cycles) in [(0.0, 626.4), (1.0, 2_251.2)] {
        near(gemm(&wse3, 3, tile, Moves::Aligned, multiply).total() + wse3.gemm_call, cycles, 0.05);
    }
    assert_eq!(regions::largest_side(&device::builtin("wse3").unwrap(), &llama, 1), 161);
    near(decode::layer(&wse3, &llama, regions::layout(161), 2_048).total(), 15_028.6, 0.05);
}

#[test]
fn the_breakdown_of_a_token_is_the_one_worked_out_by_hand() {
    let parts = decode::layer(&prices("wse2"), &shape("llama-3-8b"), layout(420), 4_096);
    let expected = [
        ("gemv", 1_170.0),
        ("vector", 533.0),
        ("scalar", 3_281.0),
        ("hops", 5_596.0),
        ("stages", 1_560.0),
        ("words", 375.0),
        ("issue", 281.0),
    ];
    for ((name, cycles), part) in expected.into_iter().zip(parts.parts()) {
        assert_eq!(part.name, name);
        near(part.cycles, cycles, 1.0);
    }
    assert_eq!(parts.parts().len(), expected.len());
    assert!(parts.limiter().starts_with("distance: "), "{}", parts.limiter());
}

#[test]
fn count_tables_hold_what_the_kernels_run() {
    assert_eq!((ALL_REDUCES.len(), FUSED_ALL_REDUCES.len(), PRODUCTS.len()), (13, 10, 9));
    let llama = shape("llama-3-8b");
    let lengths = layout(420).all_reduce_lengths(&llama, 4_096);
    assert_eq!(lengths, [1, 1, 1, 1, 10, 10, 10, 10, 10, 10, 10, 35, 35]);
    let grouped = Layout { heads: Heads::Grouped, ..layout(420) };
    assert_eq!(grouped.all_reduce_lengths(&llama, 4_096)[9..11], [3, 3]);
    // A model without a gate has one product and one all-reduce less.
    let gpt = shape("cerebras-gpt-6.7b");
    assert_eq!(layout(420).all_reduce_lengths(&gpt, 4_096).len(), 12);
}

#[test]
fn bigger_grids_decode_slower_and_prefill_faster_but_less_and_less() {
    let (wse2, llama) = (prices("wse2"), shape("llama-3-8b"));
    let decode = [420, 540, 660].map(|cores| decode::layer(&wse2, &llama, layout(cores), 4_096).total());
    assert!(decode[0] < decode[1] && decode[1] < decode[2]);
    let prefill = [480, 600, 720].map(|cores| prefill::layer(&wse2, &llama, cores, Heads::FullWidth, 4_096).total());
    assert!(prefill[0] > prefill[1] && prefill[1] > prefill[2]);
    assert!(prefill[0] - prefill[1] > prefill[1] - prefill[2]);
    // Half the prompt saves well under half of the time: loops are set up as often.
    let short = prefill::layer(&wse2, &llama, 660, Heads::FullWidth, 2_048).total();
    let long = prefill::layer(&wse2, &llama, 660, Heads::FullWidth, 4_096).total();
    assert!(short > 0.55 * long && short < long);
}

#[test]
fn fusing_helps_groups_have_an_optimum_and_odd_tiles_cost() {
    let (wse2, llama) = (prices("wse2"), shape("llama-3-8b"));
    let fused = Layout { fused: true, ..layout(660) };
    let saved = 1.0
        - decode::layer(&wse2, &llama, fused, 4_096).total() / decode::layer(&wse2, &llama, layout(660), 4_096).total();
    assert!((0.12..0.20).contains(&saved), "{saved}");
    let cost = |groups| all_reduce(&wse2, 400, groups, 8).total();
    assert!(cost(20) < cost(5) && cost(20) < cost(80) && cost(nearest_groups(400)) == cost(20));
    assert!(wse2.data(7) > wse2.data(8));
    // A square of multiples of four is cheaper than one that is smaller by a little.
    assert!(8.0 * wse2.fma(8) < 8.0 * wse2.fma(7));
}

#[test]
fn shifting_holds_a_grid_of_rows_more_than_appending() {
    let device = device::builtin("wse2").unwrap();
    let llama = shape("llama-3-8b");
    let shifting = capacity::longest_context_shifting(&device, &llama, 1);
    let appending = capacity::longest_context_appending(&device, &llama, 1, 360);
    near(shifting as f64 / appending as f64, 360.0, 1.0);
    assert_eq!(capacity::fewest_systems(&device, &llama, 2_048), 1);
    assert_eq!(capacity::fewest_systems(&device::builtin("wse3").unwrap(), &shape("llama-3-70b"), 2_048), 4);
}

#[test]
fn a_scalar_over_the_wafer_takes_little_more_than_its_diameter() {
    let cycles = scalar_all_reduce(&prices("wse1"), 602, 595);
    assert!((1.0..1.15).contains(&(cycles / (602.0 + 595.0))), "{cycles}");
}

#[test]
fn a_stencil_pays_for_strides_that_meet_the_same_banks() {
    let wse3 = prices("wse3");
    let per_tap = [1, 2, 3].map(|radius| {
        let pattern = stencil::Pattern::Star;
        stencil::iteration(&wse3, pattern, radius, 8) / pattern.taps(radius) as f64
    });
    assert!(per_tap[1] > 1.2 * per_tap[0] && per_tap[1] > 1.2 * per_tap[2], "{per_tap:?}");
}
