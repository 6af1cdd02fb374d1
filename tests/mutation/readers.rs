//! Every reader of files on damaged files.

use waferscope::compiler::benchmark::{Benchmark, judge, paint};
use waferscope::compiler::floorplan::{Budget, Objective};
use waferscope::lab::accuracy;
use waferscope::scenario::file::{device as device_file, published as published_file, scenario as scenario_file};
use waferscope::session::document::{Loaded, load};
use waferscope::workload::import::{self, graph_text, kgraph};

use super::encode::{Net, Set, Size};
use super::trial::{Fate, corpus, run, trial};
use super::{mutate, used};

/// One in so many models that were read is compiled, executed and drawn.
const MODELS_USED: u64 = 16;
/// The same of scenarios and devices, whose wafers are as large as the file says.
const WAFERS_USED: u64 = 64;

/// Reads a model as a scenario carries it and follows some of them to the end.
fn model(bytes: &[u8], index: u64) -> Fate {
    let imported = match import::read(bytes) {
        Ok(imported) => imported,
        Err(error) => return refused(&error.to_string()),
    };
    if !index.is_multiple_of(MODELS_USED) {
        return Fate::Read;
    }
    used::model(&imported.graph, &String::from_utf8_lossy(bytes), index / MODELS_USED);
    Fate::Used
}

/// A refusal is one sentence that does not repeat the file.
fn refused(said: &str) -> Fate {
    assert!(!said.is_empty() && said.len() < 1_500 && !said.contains('\n'), "no short sentence: {said:?}");
    Fate::Refused
}

#[test]
fn model_zoo() {
    trial("model-zoo", &corpus("model-zoo"), 3_000, model);
}

#[test]
fn hugging_face() {
    trial("hugging-face", &corpus("hugging-face"), 4_000, model);
}

#[test]
fn onnx() {
    trial("onnx", &nets(), 4_000, |bytes, index| {
        let imported = match import::read(bytes) {
            Ok(imported) => imported,
            Err(error) => return refused(&error.to_string()),
        };
        // The window opens a network by its text and refuses one whose text is refused.
        let text = graph_text::write(&imported.graph);
        let Ok(again) = import::read(text.as_bytes()) else { return Fate::Refused };
        assert_eq!(again.graph, imported.graph);
        if !index.is_multiple_of(MODELS_USED) {
            return Fate::Read;
        }
        used::model(&again.graph, &text, index / MODELS_USED);
        Fate::Used
    });
}

#[test]
fn graph_text_of_scenarios() {
    let text = |net: &Vec<u8>| graph_text::write(&import::read(net).unwrap().graph).into_bytes();
    let texts: Vec<Vec<u8>> = nets().iter().map(text).collect();
    trial("graph-text", &texts, 3_000, model);
}

#[test]
fn kernel_graph() {
    trial("kernel-graph", &corpus("kernel-graph"), 3_000, |bytes, index| {
        let graph = match kgraph::read(bytes) {
            Ok(graph) => graph,
            Err(error) => return refused(&error.to_string()),
        };
        if index.is_multiple_of(MODELS_USED) {
            let _fate = model(bytes, index);
        }
        let benchmark = match Benchmark::new(&graph) {
            Ok(benchmark) => benchmark,
            Err(error) => return refused(&error.to_string()),
        };
        if let Err(error) = benchmark.bounds() {
            return refused(&error.to_string());
        }
        if !index.is_multiple_of(WAFERS_USED) {
            return Fate::Read;
        }
        let found = benchmark.place(Objective::Score, Budget::Moves(20), index, &mut |_progress| 0.0);
        if let Ok((placed, _moves)) = found {
            let text = paint::write(&benchmark, &placed);
            let again = paint::read(&benchmark, text.as_bytes()).unwrap();
            assert!(judge(&benchmark, &again).legal(), "what was placed is legal");
        }
        Fate::Used
    });
}

#[test]
fn placement() {
    let graph = corpus("kernel-graph").swap_remove(0);
    let benchmark = Benchmark::new(&kgraph::read(&graph).unwrap()).unwrap();
    let paints: Vec<Vec<u8>> = [1, 2]
        .map(|seed| {
            let found = benchmark.place(Objective::Score, Budget::Moves(200), seed, &mut |_progress| 0.0);
            paint::write(&benchmark, &found.unwrap().0).into_bytes()
        })
        .to_vec();
    trial("placement", &paints, 4_000, |bytes, _index| match paint::read(&benchmark, bytes) {
        Ok(placed) => {
            let judgement = judge(&benchmark, &placed);
            assert!(judgement.score.is_finite(), "{judgement:?}");
            Fate::Used
        }
        Err(error) => refused(&error.to_string()),
    });
}

#[test]
fn scenario() {
    trial("scenario", &corpus("scenario"), 3_000, |bytes, index| {
        let opened = match scenario_file::read(bytes, "mutated.ron") {
            Ok(opened) => opened,
            Err(error) => return refused(&error.to_string()),
        };
        let text = scenario_file::write(&opened.scenario);
        let again = scenario_file::read(text.as_bytes(), "again.ron").unwrap();
        assert_eq!(again.scenario, opened.scenario, "what was read is written and read as the same");
        if !index.is_multiple_of(WAFERS_USED) {
            return Fate::Read;
        }
        used::scenario(&opened.scenario);
        Fate::Used
    });
}

#[test]
fn device() {
    trial("device", &corpus("device"), 3_000, |bytes, index| {
        let text = match device_file::read(bytes, "mutated.ron") {
            Ok(_spec) => std::str::from_utf8(bytes).unwrap(),
            Err(error) => return refused(&error.to_string()),
        };
        if !index.is_multiple_of(WAFERS_USED) {
            return Fate::Read;
        }
        used::device(text);
        Fate::Used
    });
}

#[test]
fn published() {
    trial("published", &corpus("published"), 2_000, |bytes, index| {
        let rows = match published_file::read(bytes, "mutated.ron") {
            Ok(rows) => rows,
            Err(error) => return refused(&error.to_string()),
        };
        if !index.is_multiple_of(MODELS_USED) {
            return Fate::Read;
        }
        // Rows that do not determine the prices are refused in words.
        if let Err(error) = accuracy::compare(&rows) {
            refused(&error.to_string());
        }
        Fate::Used
    });
}

/// Whatever is dropped on the window: any kind of file, damaged, under a name that says something else.
#[test]
fn whatever_is_dropped() {
    let folder = tempfile::TempDir::new().unwrap();
    let names = ["a.ron", "b.json", "c.yaml", "d.onnx", "e", "f.kgraph", "g.png", ".ron"];
    let mut all = nets();
    for kind in ["model-zoo", "hugging-face", "kernel-graph", "scenario", "device", "published"] {
        all.extend(corpus(kind));
    }
    run(
        "dropped",
        3_000,
        |index| mutate::mutated(&all, "dropped", index),
        |bytes, index| {
            let path = folder.path().join(names[index as usize % names.len()]);
            std::fs::write(&path, bytes).unwrap();
            match load(&path) {
                Ok(Loaded::Document { document, .. }) => {
                    assert!(document.scenario.prepare().is_ok(), "what opens can be prepared");
                    Fate::Used
                }
                Ok(Loaded::Device(_)) => Fate::Read,
                Err(error) => refused(&error.to_string()),
            }
        },
    );
}

/// Small networks: a convolutional one with a residual sum, an attention with shapes that are computed, and one with
/// whatever else moves tensors.
fn nets() -> Vec<Vec<u8>> {
    let convolutional = Net::new()
        .known("x", &[1, 3, 16, 16])
        .weights("w1", &[8, 3, 3, 3])
        .weights("b1", &[8])
        .weights("w2", &[8, 8, 3, 3])
        .weights("w3", &[10, 8])
        .node("Conv", &["x", "w1", "b1"], &["c1"], &[Set::Ints("pads", &[1, 1, 1, 1]), Set::Ints("strides", &[2, 2])])
        .node("Relu", &["c1"], &["r1"], &[])
        .node("Conv", &["r1", "w2"], &["c2"], &[Set::Ints("pads", &[1, 1, 1, 1]), Set::Int("group", 1)])
        .node("Add", &["c2", "r1"], &["s"], &[])
        .node("MaxPool", &["s"], &["p"], &[Set::Ints("kernel_shape", &[2, 2]), Set::Ints("strides", &[2, 2])])
        .node("GlobalAveragePool", &["p"], &["g"], &[])
        .node("Flatten", &["g"], &["f"], &[Set::Int("axis", 1)])
        .node("Gemm", &["f", "w3"], &["y"], &[Set::Int("transB", 1)])
        .output("y");
    let attention = Net::new()
        .input("x", &[Size::Named("batch"), Size::Of(16), Size::Of(32)])
        .weights("wq", &[32, 32])
        .weights("wk", &[32, 32])
        .weights("wv", &[32, 32])
        .ints("heads", &[1, 16, 4, 8])
        .ints("flat", &[1, 16, 32])
        .node("MatMul", &["x", "wq"], &["q"], &[])
        .node("MatMul", &["x", "wk"], &["k"], &[])
        .node("MatMul", &["x", "wv"], &["v"], &[])
        .node("Reshape", &["q", "heads"], &["qh"], &[])
        .node("Reshape", &["k", "heads"], &["kh"], &[])
        .node("Reshape", &["v", "heads"], &["vh"], &[])
        .node("Transpose", &["qh"], &["qt"], &[Set::Ints("perm", &[0, 2, 1, 3])])
        .node("Transpose", &["kh"], &["kt"], &[Set::Ints("perm", &[0, 2, 3, 1])])
        .node("Transpose", &["vh"], &["vt"], &[Set::Ints("perm", &[0, 2, 1, 3])])
        .node("MatMul", &["qt", "kt"], &["scores"], &[])
        .node("Softmax", &["scores"], &["soft"], &[Set::Int("axis", -1)])
        .node("MatMul", &["soft", "vt"], &["mixed"], &[])
        .node("Transpose", &["mixed"], &["back"], &[Set::Ints("perm", &[0, 2, 1, 3])])
        .node("Reshape", &["back", "flat"], &["y"], &[])
        .output("y");
    let moves = Net::new()
        .known("x", &[1, 24, 8])
        .ints("starts", &[0])
        .ints("ends", &[12])
        .ints("axes", &[1])
        .ints("parts", &[4, 8])
        .weights("table", &[50, 8])
        .node("Shape", &["x"], &["shape"], &[])
        .node("Gather", &["shape", "axes"], &["length"], &[])
        .node("Slice", &["x", "starts", "ends", "axes"], &["a"], &[])
        .node("Split", &["a", "parts"], &["b", "c"], &[Set::Int("axis", 1)])
        .node("Concat", &["b", "c"], &["d"], &[Set::Int("axis", 1)])
        .node("Unsqueeze", &["d", "axes"], &["e"], &[])
        .node("Squeeze", &["e", "axes"], &["f"], &[])
        .node("Sigmoid", &["f"], &["g"], &[])
        .node("Mul", &["f", "g"], &["h"], &[])
        .node("Gather", &["table", "length"], &["i"], &[])
        .node("Foo", &["h"], &["y"], &[Set::Text("mode", "bar")])
        .output("y");
    [convolutional, attention, moves].iter().map(Net::file).collect()
}
