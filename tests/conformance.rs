//! Reads the real model files of the folder in `WAFERSCOPE_INPUTS`, which nobody on the project wrote; without the
//! variable the test says so and passes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and what it read is worth printing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use waferscope::compiler::benchmark::{Benchmark, judge, paint};
use waferscope::compiler::floorplan::{Budget, Objective};
use waferscope::compiler::{Job, Mapping, Work, compile, fewest_wafers};
use waferscope::hardware::DefectMap;
use waferscope::scenario::file::device;
use waferscope::scenario::{DEFAULT_BATCH, SEQUENCE_MAX};
use waferscope::workload::import::onnx::Unknown;
use waferscope::workload::import::{self, ImportError, Imported, kgraph};
use waferscope::workload::{Graph, OpKind};

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

/// Configurations and parameter files that must be read at least.
const HUGGING_FACE_READ: usize = 58;
const MODEL_ZOO_READ: usize = 58;

/// Families that people upload most.
const MAINSTREAM: [&str; 24] = [
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "qwen3_next",
    "gemma",
    "gemma2",
    "phi3",
    "gpt2",
    "gptj",
    "gpt_neox",
    "gpt_oss",
    "opt",
    "bloom",
    "falcon",
    "bert",
    "roberta",
    "deepseek_v2",
    "deepseek_v3",
    "olmo3",
    "glm4",
    "mamba",
];

/// Sizes in names of the zoo that do not say how many parameters there are: a model drawn up for transfer of learning
/// rates, networks widened for sparse training, one expert of several, experts that share their attention, and a size
/// rounded down by an eighth.
const NAMES_OF_OTHER_SIZES: [&str; 5] = ["gpt3_40M", "sparsewide", "moe_111M", "mixtral_8x7b", "dit_2B"];

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
    assert!(families.len() >= HUGGING_FACE_READ, "only {} configurations were read", families.len());
    for family in MAINSTREAM {
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
        let name = file_name(&path);
        if NAMES_OF_OTHER_SIZES.iter().any(|other| name.contains(other)) {
            continue;
        }
        if let Some(stated) = stated_size(&name) {
            let ratio = imported.parameters() as f64 / stated;
            assert!((ratio - 1.0).abs() < 0.05, "{}: {ratio} of its stated size", path.display());
            named += 1;
        }
    }
    println!("{} parameter files read, {named} of the size that their names state", families.len());
    assert!(families.len() >= MODEL_ZOO_READ, "only {} parameter files were read", families.len());
    assert!(named >= 30, "{named}");
}

/// The size in a name such as `1p3b_mup.yaml` or `params_llava_v1p5_pretrain_13b_phase1_MSL2K.yaml`.
fn stated_size(name: &str) -> Option<f64> {
    name.strip_suffix(".yaml")?.split('_').find_map(|word| {
        let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
        let unit = match unit {
            "m" | "M" => 1e6,
            "b" | "B" => 1e9,
            _ => return None,
        };
        Some(number.replace('p', ".").parse::<f64>().ok()? * unit)
    })
}

/// Networks whose published sizes everybody knows: convolutions and fully connected layers of each, and of `ResNet`-50
/// the 4.1 billion multiply-adds of its paper and the 25.5
/// million parameters.
fn onnx(folder: &Path) {
    let counts = [
        ("light_bvlc_alexnet.onnx", 5, 3),
        ("light_inception_v1.onnx", 57, 1),
        ("light_resnet50.onnx", 53, 1),
        ("light_squeezenet.onnx", 26, 0),
    ];
    let paths = files(folder, "onnx");
    for path in &paths {
        let mut file = fs::File::open(path).unwrap();
        let graph = import::read_from(&mut file, Unknown::Stop).unwrap().graph;
        let count = |is: fn(&OpKind) -> bool| graph.ops.iter().filter(|op| is(&op.kind)).count();
        let convolutions = count(|kind| matches!(kind, OpKind::Convolution(_)));
        let connected = count(|kind| matches!(kind, OpKind::MatMul { .. }));
        let (adds, parameters) = (graph.multiply_adds_per_sequence(), graph.parameters());
        let name = file_name(path);
        println!("{name}: {convolutions} + {connected}, {adds} multiply-adds, {parameters} parameters");
        assert!(graph.warnings.is_empty(), "{name}: {:?}", graph.warnings);
        if let Some(expected) = counts.iter().find(|(known, ..)| *known == name) {
            assert_eq!((convolutions, connected), (expected.1, expected.2), "{name}");
        }
        if name.contains("resnet50") {
            assert!((adds as f64 / 4.1e9 - 1.0).abs() < 0.02 && (parameters as f64 / 25.5e6 - 1.0).abs() < 0.01);
        }
    }
    assert!(counts.iter().all(|(known, ..)| paths.iter().any(|path| file_name(path) == *known)));
}

#[test]
fn real_networks_have_their_published_sizes() {
    let Some(folder) = std::env::var_os("WAFERSCOPE_INPUTS").map(PathBuf::from) else {
        println!("skipped: WAFERSCOPE_INPUTS names no folder of real model files");
        return;
    };
    onnx(&folder.join("onnx"));
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

/// Compiles a forward pass in every mode, on one wafer while weights stream, else on the fewest that hold the model.
/// Returns the modes that work; a refusal must name a way out.
fn modes_that_compile(graph: &Graph, device: &str, name: &str) -> Vec<&'static str> {
    let device = device::builtin(device).unwrap();
    let defects = DefectMap::none(&device);
    let mut graph = graph.clone();
    graph.sequence = graph.sequence.clamp(1, SEQUENCE_MAX);
    let batch = graph.batch.unwrap_or(DEFAULT_BATCH).clamp(1, DEFAULT_BATCH);
    let mut works = Vec::new();
    for mapping in Mapping::ALL {
        let mut job = Job { mapping, work: Work::Forward, batch, sequence: graph.sequence, systems: 1 };
        if mapping != Mapping::Streaming {
            job.systems = fewest_wafers(&graph, &device, &defects, &job).unwrap_or(1);
        }
        let program = compile(&graph, &device, &defects, &job, &[]);
        if program.is_valid() {
            works.push(mapping.name());
            continue;
        }
        let words: Vec<String> = program.violations.iter().map(ToString::to_string).collect();
        let helps = ["stream the weights", "wafers in a row", "shorter sequences"];
        let told = words.iter().any(|words| helps.iter().any(|help| words.contains(help)));
        assert!(told, "{name}, {}: refused without a way out: {words:?}", mapping.name());
    }
    println!("{name} on {}: {}", device.name, works.join(", "));
    works
}

#[test]
fn real_models_compile_in_some_mode_or_are_told_what_would_help() {
    let Some(folder) = std::env::var_os("WAFERSCOPE_INPUTS").map(PathBuf::from) else {
        println!("skipped: WAFERSCOPE_INPUTS names no folder of real model files");
        return;
    };
    let mut compiled = 0;
    for path in ["modelzoo", "ispd2020"].into_iter().flat_map(|name| {
        let kind = if name == "modelzoo" { "yaml" } else { "kgraph" };
        files(&folder.join(name), kind)
    }) {
        let Some(imported) = read_or_refused(&path) else { continue };
        compiled += usize::from(!modes_that_compile(&imported.graph, "wse3", &file_name(&path)).is_empty());
    }
    assert!(compiled >= MODEL_ZOO_READ, "only {compiled} files compile in some mode");
    for path in files(&folder.join("onnx"), "onnx") {
        let graph = import::read_from(&mut fs::File::open(&path).unwrap(), Unknown::Stop).unwrap().graph;
        for device in ["wse3", "ispd-2020"] {
            assert!(!modes_that_compile(&graph, device, &file_name(&path)).is_empty(), "{}", path.display());
        }
    }
}
