//! The shipped device files against the published totals, and device files that are wrong.

#![expect(clippy::unwrap_used, reason = "a device that should load, or should not, fails the test on the spot")]

use waferscope::hardware::{DeviceSpec, Mark, TotalCheck};
use waferscope::scenario::file::device::{BUILTIN, builtin, read};

const WSE3: &str = include_str!("../assets/devices/wse3.ron");

fn device(name: &str) -> DeviceSpec {
    builtin(name).unwrap_or_else(|| panic!("{name} does not load"))
}

/// The difference of one total at one clock, in per cent of the published value, to one decimal.
fn difference(checks: &[TotalCheck], name: &str, clock: &str) -> f64 {
    let check = checks.iter().find(|check| check.name == name && check.clock == clock);
    (check.unwrap_or_else(|| panic!("no {name} at {clock}")).difference() * 1000.0).round() / 10.0
}

/// The message for the shipped WSE-3 file with one replacement.
fn error_with(from: &str, to: &str) -> String {
    assert!(WSE3.contains(from), "the file has no {from}");
    read(WSE3.replacen(from, to, 1).as_bytes(), "my.ron").unwrap_err().to_string()
}

#[test]
fn every_shipped_file_loads_and_gives_a_source_for_each_value() {
    for name in BUILTIN {
        let path = format!("{}/assets/devices/{name}.ron", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(path).unwrap();
        let spec = read(&text, name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(spec.name, name);
        assert_eq!(builtin(name), Some(spec));
        // The reader refuses an empty source; ours must also say more than a word, and never point at this project.
        let text = String::from_utf8(text).unwrap();
        let sources: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("source: \"")).collect();
        assert_eq!(sources.len(), text.matches("value:").count());
        for source in sources {
            assert!(source.len() > 30 && !source.contains("wse.md"), "{name}: {source}");
        }
    }
    assert_eq!(builtin("wse4"), None);
}

#[test]
fn geometry_is_the_published_or_stated_one() {
    let shape = |name: &str| {
        let spec = device(name);
        let fabric = (spec.fabric_columns.value, spec.fabric_rows.value);
        (fabric, (spec.physical_columns(), spec.physical_rows()), spec.physical_cores())
    };
    assert_eq!(shape("wse1"), ((633, 633), (636, 637), 405_132));
    assert_eq!(shape("wse2"), ((757, 996), (792, 1078), 853_776));
    assert_eq!(shape("wse3"), ((762, 1176), (816, 1190), 971_040));
    assert_eq!(device("wse3").die_core_columns.mark, Mark::Assumed);
    // The WSE-3 blog says 970 000 cores made.
    assert!((device("wse3").physical_cores() as f64 / 970_000.0 - 1.0).abs() < 0.002);
}

#[test]
fn wse3_totals_differ_from_the_published_ones_by_what_we_say() {
    let checks = device("wse3").totals();
    let at = |name, clock| difference(&checks, name, clock);
    // 44 GB: 896 112 cores of 48 KiB.
    assert_eq!(at("SRAM", "any clock"), 0.1);
    // 21 PB/s and 214 Pb/s fit neither clock; both lie between the two (0.97 and 0.93 GHz).
    assert_eq!(at("SRAM bandwidth", "run clock"), -10.4);
    assert_eq!(at("SRAM bandwidth", "spec clock"), 12.7);
    assert_eq!(at("fabric bandwidth", "run clock"), -6.2);
    assert_eq!(at("fabric bandwidth", "spec clock"), 17.9);
    // 15.6 and 125 PFLOP/s are figures of the spec clock; at the run clock the same cores give a fifth less.
    assert_eq!(at("dense fp16 peak", "spec clock"), 1.1);
    assert_eq!(at("sparse fp16 peak", "spec clock"), 0.9);
    assert_eq!(at("dense fp16 peak", "run clock"), -19.6);
    let dense = checks.iter().find(|check| check.name == "dense fp16 peak" && check.clock == "spec clock").unwrap();
    let sentence = "dense fp16 peak at spec clock: 15.8 PFLOP/s, published 15.6 PFLOP/s, +1.1 %";
    assert_eq!(dense.sentence(), sentence);
}

#[test]
fn wse2_and_wse1_totals_differ_from_the_published_ones_by_what_we_say() {
    let checks = device("wse2").totals();
    let at = |name, clock| difference(&checks, name, clock);
    // 40 GB and 7.5 PFLOP/s count 850 000 cores; programs see 753 972.
    assert_eq!(at("SRAM", "any clock"), -7.4);
    assert_eq!(at("SRAM bandwidth", "spec clock"), -0.5);
    assert_eq!(at("fabric bandwidth", "spec clock"), -3.5);
    assert_eq!(at("dense fp16 peak", "spec clock"), -11.5);
    assert_eq!(at("sparse fp16 peak", "spec clock"), -15.1);

    let checks = device("wse1").totals();
    let at = |name, clock| difference(&checks, name, clock);
    // 18 GB is 45 kB for each of 400 000 cores; the file assumes the 48 KiB of later wafers.
    assert_eq!(at("SRAM", "any clock"), 9.4);
    assert_eq!(at("SRAM bandwidth", "run clock"), -9.2);
    assert_eq!(at("fabric bandwidth", "run clock"), -12.8);
    assert!(checks.iter().all(|check| !check.name.contains("peak")), "no peak was published for WSE-1");
}

#[test]
fn a_wrong_value_names_its_field() {
    let cases = [
        ("value: 875e6", "value: -3", "my.ron: clock_run_hz: expected a frequency between 1 MHz and 10 GHz, found -3"),
        (
            "value: 875e6",
            "value: NaN",
            "my.ron: clock_run_hz: expected a frequency between 1 MHz and 10 GHz, found NaN",
        ),
        (
            "value: 875e6",
            "value: \"fast\"",
            "my.ron: clock_run_hz: expected a frequency between 1 MHz and 10 GHz, found a text",
        ),
        ("value: 12, ", "value: 0, ", "my.ron: die_columns: expected a whole number between 1 and 2048 dies, found 0"),
        (
            "value: 762",
            "value: 762.5",
            "my.ron: fabric_columns: expected a whole number between 1 and 2048 cores, found 762.5",
        ),
        (
            "value: 762",
            "value: 817",
            "my.ron: fabric_columns: expected between 12 (one a die) and 816 (all that 12 dies of 68 have) columns, found 817",
        ),
        (
            "value: 68,",
            "value: 171,",
            "my.ron: die_core_columns: expected at most 2048 physical columns, found 12 dies of 171",
        ),
        ("unit: \"Hz\"", "unit: \"GHz\"", "my.ron: clock_run_hz.unit: expected the unit \"Hz\", found \"GHz\""),
        ("version: (1, 0)", "version: (2, 5)", "my.ron: version: expected a file of version 1, found 2.5"),
        (
            "value: 3584",
            "value: 49152",
            "my.ron: code_bytes_per_core: expected less than sram_bytes_per_core, 49152 B, found 49152 B",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(error_with(from, to), expected);
    }
}

#[test]
fn a_file_of_the_wrong_shape_names_place_and_field() {
    let unknown = error_with("    die_rows:", "    die_rovs:");
    assert!(unknown.starts_with("my.ron:11:5: found the unknown field \"die_rovs\", expected one of "), "{unknown}");
    let inner = error_with("(value: 875e6", "(hertz: 875e6");
    let expected =
        "my.ron:39:20: clock_run_hz: found the unknown field \"hertz\", expected one of value, unit, mark, source";
    assert_eq!(inner, expected);
    let mark = error_with("value: 875e6, unit: \"Hz\", mark: SecondHand", "value: 875e6, unit: \"Hz\", mark: Rumour");
    assert!(mark.starts_with("my.ron:39:") && mark.contains(": clock_run_hz.mark: "), "{mark}");
    assert!(mark.ends_with("found \"Rumour\""), "{mark}");
    let missing = error_with("sram_bytes: (value: 44e9, ", "sram_bytes: (");
    assert!(missing.ends_with(": published.sram_bytes: expected the field value, which is missing"), "{missing}");
    let unit = error_with("value: 762, unit: \"cores\"", "value: 762, unit: 17");
    assert!(unit.contains(": fabric_columns.unit: expected string"), "{unit}");
    let empty = error_with("source: \"Cerebras, WSE-3 announcement, March 2024: 44 GB\"", "source: \" \"");
    assert!(empty.starts_with("my.ron: published.sram_bytes.source: expected a text"), "{empty}");
}

#[test]
fn hostile_files_get_one_short_sentence() {
    let deep = |open: &str| open.repeat(1_000_000).into_bytes();
    let long_name = WSE3.replacen("\"wse3\"", &format!("\"{}\"", "x".repeat(1_000_000)), 1);
    let files: [Vec<u8>; 12] = [
        Vec::new(),
        b" \n\t ".to_vec(),
        vec![0; 4096],
        (0..=255).collect(),
        WSE3.as_bytes()[..WSE3.len() / 2].to_vec(),
        deep("("),
        deep("["),
        deep("(version:"),
        b"(version: (1, 0), name: ".iter().chain(&deep("Some(")).copied().collect(),
        long_name.into_bytes(),
        b"(version: (99999999999999999999, 0))".to_vec(),
        vec![b' '; (64 << 20) + 1],
    ];
    for file in files {
        let message = read(&file, "my.ron").unwrap_err().to_string();
        assert!(message.starts_with("my.ron"), "{message}");
        assert!(message.chars().count() < 400 && !message.contains(char::is_control), "{message}");
    }
}
