//! Reads the real model files of the folder in `WAFERSCOPE_INPUTS`, which nobody on the project wrote; without the
//! variable the test says so and passes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and what it read is worth printing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use waferscope::compiler::benchmark::{Benchmark, judge, paint};
use waferscope::compiler::floorplan::{Budget, Objective};
use waferscope::workload::import::{self, ImportError, Imported, kgraph};

/// All files below a folder with this extension, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads a file; a refusal must be a sentence that names the family, nothing else.
fn read_or_refused(path: &Path) -> Option<Imported> {
    match import::read(&fs::read(path).unwrap()) {
        Ok(imported) => Some(imported),
        Err(error @ ImportError::UnsupportedFamily { .. }) => {
            println!("{}: {error}", path.display());
            None
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Class and parameters by file name, from `expected.csv`.
fn expected(folder: &Path) -> BTreeMap<String, (String, u64)> {
    let table = fs::read_to_string(folder.join("expected.csv")).unwrap();
    let row = |line: &str| {
        let mut cells = line.split(',');
        let mut cell = || cells.next().unwrap().trim().to_owned();
        (cell(), (cell(), cell().parse().unwrap()))
    };
    table.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}

fn hugging_face(folder: &Path) {
    let expected = expected(folder);
    let mut worst = (0.0, String::new());
    let mut families = Vec::new();
    for path in files(folder, "json") {
        let Some(imported) = read_or_refused(&path) else { continue };
        let name = file_name(&path);
        let (class, parameters) = &expected[&name];
        assert_eq!(imported.class(), class, "{name}");
        let error = (imported.parameters() as f64 / *parameters as f64 - 1.0).abs();
        println!("{name}: {} counted, {parameters} expected, {:?}", imported.parameters(), imported.warnings());
        if error >= worst.0 {
            worst = (error, name);
        }
        families.push(imported.family().to_owned());
    }
    println!("{} configurations read; worst difference {:.6} % ({})", families.len(), 100.0 * worst.0, worst.1);
    assert!(worst.0 <= 0.001, "{worst:?}");
    for family in ["llama", "mistral", "gpt2", "bert"] {
        assert!(families.iter().any(|read| read == family), "{family} was not read");
    }
}

fn model_zoo(folder: &Path) {
    let mut named = 0;
    let mut families = Vec::new();
    for path in files(folder, "yaml") {
        let Some(imported) = read_or_refused(&path) else { continue };
        println!("{}: {} parameters, {:?}", path.display(), imported.parameters(), imported.warnings());
        families.push(imported.family().to_owned());
        if path.parent().is_some_and(|parent| parent.ends_with("Cerebras_GPT")) {
            let stated = stated_size(&file_name(&path));
            let ratio = imported.parameters() as f64 / stated;
            assert!((ratio - 1.0).abs() < 0.03, "{}: {ratio} of its stated size", path.display());
            named += 1;
        }
    }
    assert!(named > 0, "no Cerebras-GPT file below {}", folder.display());
    for family in ["gpt3", "llama", "mistral", "bert"] {
        assert!(families.iter().any(|read| read == family), "{family} was not read");
    }
}

/// The size in a name such as `1p3b_mup.yaml`.
fn stated_size(name: &str) -> f64 {
    let (number, unit) = name.split_at(name.find(['m', 'b']).unwrap());
    let number: f64 = number.replace('p', ".").parse().unwrap();
    number * if unit.starts_with('b') { 1e9 } else { 1e6 }
}

#[test]
fn real_model_files_are_read_exactly_or_refused_by_family() {
    let Some(folder) = std::env::var_os("WAFERSCOPE_INPUTS").map(PathBuf::from) else {
        println!("skipped: WAFERSCOPE_INPUTS names no folder of real model files");
        return;
    };
    hugging_face(&folder.join("hf"));
    model_zoo(&folder.join("modelzoo"));
}

/// A graph of the placement benchmark: its bounds of time and score as an independent program found them (the score's on
/// a coarse grid of times, which makes it a little weaker than ours), and what a short search must reach.
const PLACEMENTS: [(&str, f64, f64, f64); 5] = [
    ("A", 33_152.0, 34_158.6, 35_500.0),
    ("B", 62_181.0, 63_765.7, 65_900.0),
    ("C", 60_270.0, 62_192.4, 66_800.0),
    ("K", 252.0, 1_350.0, 1_350.0),
    ("N", 1_020.0, 3_385.0, 3_385.0),
];

#[test]
fn real_kernel_graphs_are_placed_within_their_bounds() {
    let Some(folder) = std::env::var_os("WAFERSCOPE_INPUTS").map(PathBuf::from) else {
        println!("skipped: WAFERSCOPE_INPUTS names no folder of real kernel graphs");
        return;
    };
    for (name, time_bound, score_bound, reached) in PLACEMENTS {
        let bytes = fs::read(folder.join(format!("ispd2020/{name}.kgraph"))).unwrap();
        let benchmark = Benchmark::new(&kgraph::read(&bytes).unwrap()).unwrap();
        let bounds = benchmark.bounds().unwrap();
        assert_eq!(benchmark.time(bounds.ticks).ceil(), time_bound, "{name}");
        let ratio = bounds.score / score_bound;
        assert!((0.999_99..1.001).contains(&ratio), "{name}: {} beside {score_bound}", bounds.score);
        let (placed, _) = benchmark.place(Objective::Score, Budget::Moves(300_000), 1, &mut |_| 0.0).unwrap();
        let text = paint::write(&benchmark, &placed);
        let judgement = judge(&benchmark, &paint::read(&benchmark, text.as_bytes()).unwrap());
        println!("{name}: score {}, at least {}", judgement.score, bounds.score);
        assert_eq!(judgement.faults, [], "{name}");
        assert!((bounds.score..=reached).contains(&judgement.score), "{name}: {}", judgement.score);
    }
}
