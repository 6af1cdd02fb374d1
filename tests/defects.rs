//! Properties of defect maps and of the row shift that repairs them.

use waferscope::hardware::{Core, DefectMap, DeviceSpec, Geometry, Rect};
use waferscope::scenario::file::device::{BUILTIN, builtin, read};

fn device(name: &str) -> DeviceSpec {
    builtin(name).unwrap_or_else(|| panic!("{name} does not load"))
}

/// A small wafer: 3 x 2 dies of 6 x 5 cores, of which programs see 15 x 8.
fn small() -> DeviceSpec {
    let mut spec = device("wse3");
    for (field, value) in [
        (&mut spec.die_columns, 3),
        (&mut spec.die_rows, 2),
        (&mut spec.die_core_columns, 6),
        (&mut spec.die_core_rows, 5),
        (&mut spec.fabric_columns, 15),
        (&mut spec.fabric_rows, 8),
    ] {
        field.value = value;
    }
    spec
}

/// Checks everything that a repair promises.
fn check(spec: &DeviceSpec, map: &DefectMap) {
    let geometry = Geometry::new(spec);
    let columns = geometry.physical_columns() as usize;
    let mut taken = vec![false; columns * geometry.physical_rows() as usize];
    for &(column, row) in map.dead_physical() {
        taken[row as usize * columns + column as usize] = true;
    }
    assert_eq!(taken.iter().filter(|&&dead| dead).count(), map.dead_count());
    let mut lost = 0;
    for y in 0..geometry.fabric_rows {
        let mut previous = None;
        for x in 0..geometry.fabric_columns {
            let core = Core { x, y };
            let physical = map.physical_of(core);
            assert_eq!(physical.is_none(), map.is_lost(core));
            let Some((column, row)) = physical else {
                lost += 1;
                assert_eq!(map.shifted(core), 0);
                continue;
            };
            let site = &mut taken[row as usize * columns + column as usize];
            assert!(!*site, "{core:?} shares its core or lives on a dead one");
            *site = true;
            // The order of a row is kept, all of it lives in one physical row, and nothing follows a lost core.
            assert!(previous.is_none_or(|(west, same)| west < column && same == row), "{core:?}");
            assert!(x == 0 || previous.is_some());
            previous = Some((column, row));
        }
        // A row loses cores only if it has used every living one.
        if let (Some((_, row)), placed) = (previous, map.placed_columns(y))
            && placed < geometry.fabric_columns
        {
            let dead = map.dead_physical().iter().filter(|site| site.1 == row).count();
            assert_eq!(placed as usize + dead, columns);
        }
    }
    assert_eq!(lost, map.lost_count());
}

#[test]
fn a_whole_wafer_is_nominal() {
    for name in BUILTIN {
        let spec = device(name);
        let map = DefectMap::none(&spec);
        check(&spec, &map);
        let geometry = Geometry::new(&spec);
        for core in [(0, 0), (63, 167), (64, 168), (632, 632)].map(|(x, y)| Core { x, y }) {
            let nominal = geometry.nominal_physical(core);
            assert_eq!(map.physical_of(core), Some(nominal));
            assert_eq!(geometry.logical_at_nominal(nominal.0, nominal.1), Some(core));
        }
        assert_eq!((map.dead_count(), map.rows_moved(), map.outcome().to_string().as_str()), (0, 0, "no dead cores"));
    }
}

#[test]
fn dies_tile_the_fabric() {
    for spec in BUILTIN.map(device) {
        let geometry = Geometry::new(&spec);
        let mut cores = 0;
        for row in 0..geometry.die_rows {
            for column in 0..geometry.die_columns {
                let rect = geometry.die_rect(column, row);
                cores += rect.cores();
                assert!(rect.width <= geometry.die_core_columns && rect.height <= geometry.die_core_rows);
                let corners = [(rect.x, rect.y), (rect.right() - 1, rect.bottom() - 1)];
                for core in corners.map(|(x, y)| Core { x, y }) {
                    assert_eq!(geometry.die_of(core), (column, row));
                    let physical = geometry.nominal_physical(core);
                    assert_eq!(
                        (physical.0 / geometry.die_core_columns, physical.1 / geometry.die_core_rows),
                        (column, row)
                    );
                }
            }
        }
        assert_eq!(cores, spec.fabric_cores());
        assert_eq!(geometry.die_first_column(1), spec.fabric_columns.value / 12);
    }
    // WSE-3 cores are 1.54 times as wide as high: 0.282 mm by 0.183 mm.
    let geometry = Geometry::new(&device("wse3"));
    assert!((geometry.core_width_mm() / geometry.core_height_mm() - 1.543).abs() < 0.001);
    // The spares of a die have no logical core.
    assert_eq!(geometry.logical_at_nominal(63, 0), None);
    assert_eq!(geometry.logical_at_nominal(0, 168), None);
    assert_eq!(geometry.logical_at_nominal(816, 0), None);
}

#[test]
fn repair_holds_for_random_maps_from_sparse_to_ruined() {
    let (wafer, small) = (device("wse3"), small());
    for (seed, density) in [(1, 0.001), (2, 0.01), (3, 0.3), (4, 2.0)] {
        check(&wafer, &DefectMap::random(&wafer, seed, density));
    }
    check(&device("wse1"), &DefectMap::random(&device("wse1"), 5, 0.05));
    for seed in 0..200 {
        // 180 cores under 46 225 mm²: up to three points a core.
        check(&small, &DefectMap::random(&small, seed, seed as f64 * 6e-5));
    }
}

#[test]
fn all_dead_or_a_dead_die_is_no_panic() {
    let spec = small();
    let every: Vec<(u32, u32)> = (0..180).map(|index| (index % 18, index / 18)).collect();
    let map = DefectMap::from_cores(&spec, &every);
    check(&spec, &map);
    assert_eq!((map.dead_count(), map.lost_count(), map.dead_sites().len()), (180, 120, 120));
    assert_eq!(map.outcome().to_string(), "180 dead, 8 rows unrepairable (120 lost)");
    assert_eq!(map.lost_in(&Rect { x: 3, y: 2, width: 50, height: 50 }), Some(Core { x: 3, y: 2 }));
    let die: Vec<(u32, u32)> = every.into_iter().filter(|&(x, y)| x < 6 && y < 5).collect();
    check(&spec, &DefectMap::from_cores(&spec, &die));
    // Sites off the wafer and repeats do not count.
    let map = DefectMap::from_cores(&spec, &[(1, 1), (1, 1), (18, 0), (0, u32::MAX)]);
    assert_eq!(map.dead_physical(), [(1, 1)]);
}

#[test]
fn a_row_shifts_into_its_die_first_then_east_then_back_west() {
    let spec = small();
    let columns = |map: &DefectMap| -> Vec<u32> {
        (0..15).filter_map(|x| map.physical_of(Core { x, y: 0 })).map(|(column, _)| column).collect()
    };
    // One dead core: the die's spare takes it, the next die does not move.
    let one = DefectMap::from_cores(&spec, &[(2, 0)]);
    assert_eq!(columns(&one), [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16]);
    assert_eq!(one.dead_sites(), [Core { x: 2, y: 0 }]);
    assert_eq!((one.shifted(Core { x: 1, y: 0 }), one.shifted(Core { x: 2, y: 0 })), (0, 1));
    assert_eq!(one.outcome().to_string(), "1 dead, all repaired");
    // Two dead cores of one die: one logical core moves on to the next die.
    let two = DefectMap::from_cores(&spec, &[(2, 0), (3, 0)]);
    assert_eq!(columns(&two), [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    // Two in the last die: one logical core goes back west.
    let last = DefectMap::from_cores(&spec, &[(12, 0), (17, 0)]);
    assert_eq!(columns(&last), [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16]);
    // Four dead cores leave 14 for 15: the spare row of the die row takes over.
    let moved = DefectMap::from_cores(&spec, &[(0, 0), (1, 0), (2, 0), (3, 0)]);
    assert_eq!((moved.rows_moved(), moved.lost_count()), (1, 0));
    assert_eq!(moved.physical_of(Core { x: 0, y: 0 }), Some((0, 4)));
    assert_eq!(moved.dead_sites().len(), 4);
    // Two such rows and one spare: the second loses its easternmost core.
    let rows = [0, 1].map(|row| [0, 1, 2, 3].map(|column| (column, row)));
    let lost = DefectMap::from_cores(&spec, rows.as_flattened());
    assert!(lost.is_lost(Core { x: 14, y: 1 }) && !lost.is_lost(Core { x: 13, y: 1 }));
    assert_eq!(lost.outcome().to_string(), "8 dead, 1 row unrepairable (1 lost)");
}

#[test]
fn random_maps_repeat_and_follow_poisson() {
    let spec = device("wse3");
    let draw = |seed, density| DefectMap::random(&spec, seed, density);
    assert_eq!(draw(7, 0.001), draw(7, 0.001));
    assert_ne!(draw(7, 0.001).dead_physical(), draw(8, 0.001).dead_physical());
    assert_eq!(draw(7, 0.0), DefectMap::none(&spec));
    assert_eq!(draw(7, f64::NAN), DefectMap::none(&spec));
    assert_eq!(draw(7, -1.0), DefectMap::none(&spec));
    // 0.001/mm² over 46 225 mm² is a mean of 46.2: mean and variance of 400 wafers lie within five standard errors
    // (0.34 and 3.3).
    let counts: Vec<f64> = (0..400).map(|seed| draw(seed, 0.001).dead_count() as f64).collect();
    let mean = counts.iter().sum::<f64>() / 400.0;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 399.0;
    assert!((mean - 46.2).abs() < 1.7, "mean {mean}");
    assert!((variance - 46.2).abs() < 16.5, "variance {variance}");
    // A mean of 100 000 points over 971 040 cores kills 95 045 on average, with a standard deviation under 300.
    let heavy = draw(1, 100_000.0 / 46_225.0).dead_count() as f64;
    assert!((heavy - 95_045.0).abs() < 1_500.0, "{heavy}");
}

#[test]
fn the_smallest_device_works() {
    let mut text = include_str!("../assets/devices/wse3.ron").to_owned();
    for value in ["12, unit: \"dies\"", "7, unit: \"dies\"", "68,", "170,", "762,", "1176,"] {
        let one = value.replacen(value.split(',').next().unwrap(), "1", 1);
        text = text.replacen(&format!("(value: {value}"), &format!("(value: {one}"), 1);
    }
    let spec = read(text.as_bytes(), "one.ron").unwrap();
    assert_eq!(spec.physical_cores(), 1);
    check(&spec, &DefectMap::none(&spec));
    let map = DefectMap::from_cores(&spec, &[(0, 0)]);
    check(&spec, &map);
    assert!(map.is_lost(Core { x: 0, y: 0 }));
}
