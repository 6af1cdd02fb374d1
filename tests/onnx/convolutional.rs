//! Networks on pictures: exact counts, the rules for sizes, and every way in which a file may give its weights.

use waferscope::compiler::{Job, Mapping, SramUse, Work, compile};
use waferscope::hardware::DefectMap;
use waferscope::scenario::file::device;
use waferscope::scenario::{Scenario, replay};
use waferscope::session::document::{Loaded, load};
use waferscope::workload::graph::Tokens;
use waferscope::workload::import::graph_text;
use waferscope::workload::{Convolution, OpKind, Unit};

use super::encode::{Net, Set, Size, ints, weights};
use super::{count, graph, op};

/// A residual block, an inception-like concatenation and a head, on pictures of 3 × 32 × 32.
fn small() -> Net {
    Net::new()
        .input("x", &[Size::Named("batch"), Size::Of(3), Size::Of(32), Size::Of(32)])
        .weights("w1", &[16, 3, 3, 3])
        .weights("w2", &[16, 16, 3, 3])
        .weights("w3", &[16, 4, 1, 1])
        .weights("b3", &[16])
        .weights("fc", &[10, 32])
        .weights("fcb", &[10])
        .raw(|graph| ["s", "t", "m", "v"].iter().fold(graph, |graph, name| graph.message(5, &weights(name, &[16]))))
        .node("Conv", &["x", "w1"], &["a"], &[Set::Ints("pads", &[1, 1, 1, 1]), Set::Ints("strides", &[2, 2])])
        .node("BatchNormalization", &["a", "s", "t", "m", "v"], &["b"], &[])
        .node("Relu", &["b"], &["c"], &[])
        .node("Conv", &["c", "w2"], &["d"], &[Set::Text("auto_pad", "SAME_UPPER")])
        .node("Add", &["d", "c"], &["e"], &[])
        .node("Relu", &["e"], &["f"], &[])
        .node("Conv", &["f", "w3", "b3"], &["g"], &[Set::Int("group", 4)])
        .node("MaxPool", &["f"], &["h"], &[Set::Ints("kernel_shape", &[3, 3]), Set::Ints("pads", &[1, 1, 1, 1])])
        .node("Concat", &["g", "h"], &["i"], &[Set::Int("axis", 1)])
        .node("GlobalAveragePool", &["i"], &["j"], &[])
        .node("Flatten", &["j"], &["k"], &[])
        .node("Gemm", &["k", "fc", "fcb"], &["l"], &[Set::Int("transB", 1)])
        .node("Softmax", &["l"], &["y"], &[])
        .output("y")
}

#[test]
fn a_small_network_is_counted_exactly() {
    let graph = graph(&small());
    assert_eq!((graph.unit, graph.sequence, graph.batch, graph.warnings.len()), (Unit::Sample, 1, None, 0));
    // Running mean and variance are not trained.
    assert_eq!(graph.parameters(), 16 * 27 + 2 * 16 + 16 * 144 + 16 * 4 + 16 + 320 + 10);
    let pixels = 16 * 16;
    assert_eq!(graph.multiply_adds_per_sequence(), pixels * (16 * 27 + 16 * 144 + 16 * 4) + 320);
    assert_eq!(count(&graph, |kind| matches!(kind, OpKind::Convolution(_))), 3);
    assert_eq!(count(&graph, |kind| matches!(kind, OpKind::MatMul { .. })), 1);
    let first = op(&graph, "a");
    assert_eq!(first.parameters, 16 * 27 + 32, "the norm's parameters stay with the convolution");
    let OpKind::Convolution(shape) = first.kind else { panic!("{first:?}") };
    let expected =
        Convolution { in_channels: 3, out_channels: 16, groups: 1, window: [3, 3], stride: [2, 2], output: [16, 16] };
    assert_eq!((shape, first.tokens), (expected, Tokens::Count(pixels)));
    let fused: Vec<(&str, &str)> =
        graph.fusions.iter().map(|fusion| (graph.op(fusion.into).name.as_str(), fusion.absorbed.as_str())).collect();
    assert_eq!(fused, [("n_a", "n_b (BatchNormalization)"), ("n_a", "n_c (Relu)"), ("n_e", "n_f (Relu)")]);
    let sum = op(&graph, "e");
    assert_eq!(sum.kind, OpKind::Elementwise { width: 16, operands: 2 });
    assert_eq!(sum.inputs.iter().map(|&id| graph.op(id).name.as_str()).collect::<Vec<_>>(), ["n_d", "n_a"]);
    assert_eq!(op(&graph, "i").kind, OpKind::Elementwise { width: 32, operands: 1 });
    assert_eq!(op(&graph, "j").kind, OpKind::Pooling { width: 32, taps: pixels });
}

#[test]
fn sizes_follow_padding_stride_dilation_and_rounding() {
    // Window, settings, and the size that 20 × 20 pixels come to.
    let valid: [(i64, &[Set<'_>], u64); 8] = [
        (3, &[], 18),
        (5, &[Set::Ints("pads", &[2, 2, 2, 2])], 20),
        (3, &[Set::Ints("strides", &[3, 3])], 6),
        (3, &[Set::Ints("dilations", &[4, 4])], 12),
        (3, &[Set::Text("auto_pad", "SAME_UPPER"), Set::Ints("strides", &[3, 3])], 7),
        (3, &[Set::Text("auto_pad", "SAME_LOWER"), Set::Ints("dilations", &[2, 2])], 20),
        (4, &[Set::Text("auto_pad", "VALID"), Set::Ints("strides", &[2, 2])], 9),
        (20, &[Set::Ints("strides", &[7, 7])], 1),
    ];
    for (window, settings, size) in valid {
        let net = Net::new().known("x", &[1, 8, 20, 20]).weights("w", &[8, 1, window, window]);
        let group = [Set::Int("group", 8)];
        let all = net.raw(|graph| {
            let node = super::encode::node("Conv", &["x", "w"], &["y"], settings);
            graph.message(
                1,
                &group.iter().fold(node, |node, set| match set {
                    Set::Int(key, value) => {
                        node.message(5, &super::encode::Message::default().text(1, key).int(3, *value))
                    }
                    _ => node,
                }),
            )
        });
        let graph = graph(&all.output("y"));
        assert_eq!(graph.ops[0].tokens, Tokens::Count(size * size), "window {window}");
    }
    for (ceil, size) in [(0, 9), (1, 10)] {
        let settings = [Set::Ints("kernel_shape", &[3, 3]), Set::Ints("strides", &[2, 2]), Set::Int("ceil_mode", ceil)];
        let net = Net::new().known("x", &[1, 8, 20, 20]).node("MaxPool", &["x"], &["y"], &settings).output("y");
        assert_eq!(graph(&net).ops[0].tokens, Tokens::Count(size * size));
    }
}

#[test]
fn a_transposed_convolution_multiplies_each_input_once_by_each_weight() {
    let settings = [Set::Ints("strides", &[2, 2]), Set::Ints("pads", &[1, 1, 1, 1])];
    let net = Net::new().known("x", &[1, 12, 10, 10]).weights("w", &[12, 7, 4, 4]);
    let graph = graph(&net.node("ConvTranspose", &["x", "w"], &["y"], &settings).output("y"));
    assert_eq!(graph.ops[0].tokens, Tokens::Count(400));
    assert_eq!((graph.parameters(), graph.multiply_adds_per_sequence()), (12 * 7 * 16, 100 * 12 * 7 * 16));
}

/// Initialisers, initialisers that are listed as inputs too, filled shapes, constants and plain inputs are all weights.
#[test]
fn weights_count_the_same_however_the_file_gives_them() {
    let conv = |net: Net| net.node("Conv", &["x", "w"], &["y"], &[]).output("y");
    let input = || Net::new().known("x", &[1, 3, 8, 8]);
    let nets = [
        conv(input().weights("w", &[5, 3, 3, 3])),
        conv(input().weights("w", &[5, 3, 3, 3]).known("w", &[5, 3, 3, 3])),
        conv(input().known("w", &[5, 3, 3, 3])),
        conv(input().ints("s", &[5, 3, 3, 3]).node("ConstantOfShape", &["s"], &["w"], &[])),
        conv(input().node("Constant", &[], &["w"], &[Set::Tensor("value", weights("", &[5, 3, 3, 3]))])),
        conv(input().weights("v", &[5, 27]).ints("s", &[5, 3, 3, 3]).node("Reshape", &["v", "s"], &["w"], &[])),
        conv(input().weights("q", &[5, 3, 3, 3]).node("DequantizeLinear", &["q"], &["w"], &[])),
    ];
    for net in nets {
        let graph = graph(&net);
        assert_eq!((graph.ops.len(), graph.parameters()), (1, 135));
        assert_eq!(graph.multiply_adds_per_sequence(), 36 * 135);
    }
}

#[test]
fn weights_of_two_operators_are_owned_once() {
    let net = Net::new().known("x", &[1, 4, 8, 8]).weights("w", &[4, 4, 1, 1]);
    let net = net.node("Conv", &["x", "w"], &["a"], &[]).node("Tanh", &["a"], &["b"], &[]);
    let graph = graph(&net.node("Conv", &["b", "w"], &["y"], &[]).output("y"));
    assert_eq!(graph.parameters(), 16);
    assert_eq!(op(&graph, "y").weights_of, graph.find(None, "n_a"));
    assert_eq!(op(&graph, "y").weight_elements(), 16);
}

#[test]
fn a_batch_that_is_given_is_not_counted_twice() {
    let of = |batch| {
        let net = Net::new().known("x", &[batch, 3, 8, 8]).weights("w", &[5, 3, 3, 3]);
        graph(&net.node("Conv", &["x", "w"], &["y"], &[]).output("y"))
    };
    let (one, eight) = (of(1), of(8));
    assert_eq!((one.ops, one.batch, eight.batch), (eight.ops, None, Some(8)));
}

#[test]
fn shapes_are_computed_as_exporters_write_them() {
    // x.view(x.shape[0], -1), written out.
    let net = Net::new()
        .input("x", &[Size::Open, Size::Of(6), Size::Of(4), Size::Of(4)])
        .weights("w", &[96, 11])
        .ints("zero", &[0])
        .node("Shape", &["x"], &["shape"], &[])
        .node("Constant", &[], &["first"], &[Set::Tensor("value", ints("", &[0]))])
        .node("Gather", &["shape", "first"], &["batch"], &[Set::Int("axis", 0)])
        .node("Constant", &[], &["rest"], &[Set::Ints("value_ints", &[-1])])
        .node("Concat", &["batch", "rest"], &["wanted"], &[Set::Int("axis", 0)])
        .node("Relu", &["x"], &["r"], &[])
        .node("Transpose", &["r"], &["t"], &[Set::Ints("perm", &[0, 2, 3, 1])])
        .node("Reshape", &["t", "wanted"], &["flat"], &[])
        .node("MatMul", &["flat", "w"], &["y"], &[])
        .output("y");
    let graph = graph(&net);
    assert_eq!(op(&graph, "y").kind, OpKind::MatMul { k: 96, n: 11 });
    assert_eq!(graph.ops.len(), 2);
}

#[test]
fn it_compiles_both_ways_on_every_shipped_device() {
    let graph = graph(&small());
    for name in device::BUILTIN {
        let device = device::builtin(name).unwrap();
        let defects = DefectMap::none(&device);
        for (mapping, work) in
            [(Mapping::Streaming, Work::Train), (Mapping::Streaming, Work::Forward), (Mapping::Resident, Work::Forward)]
        {
            let job = Job { mapping, work, batch: 4, sequence: 1, systems: 1 };
            let program = compile(&graph, &device, &defects, &job, &[]);
            let activations = program.buffers.iter().filter(|buffer| buffer.usage == SramUse::Activations);
            assert!(activations.count() > 0);
            assert!(program.is_valid(), "{name} {mapping:?}: {:?}", program.violations);
            assert_eq!(program.kernels.len(), graph.ops.len());
        }
    }
}

#[test]
fn a_network_opens_runs_and_travels_with_its_scenario() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("small.onnx");
    std::fs::write(&path, small().file()).unwrap();
    let Loaded::Document { document, notices } = load(&path).unwrap() else { panic!("a device") };
    assert!(notices.is_empty(), "{notices:?}");
    let mut scenario: Scenario = document.scenario;
    scenario.recording = Some(replay::record(&scenario).unwrap());
    let saved = folder.path().join("small.ron");
    std::fs::write(&saved, waferscope::scenario::file::scenario::write(&scenario)).unwrap();
    std::fs::remove_file(&path).unwrap();
    let Loaded::Document { document, .. } = load(&saved).unwrap() else { panic!("a device") };
    assert_eq!(document.scenario, scenario);
    let prepared = document.scenario.prepare().unwrap();
    assert_eq!(graph_text::write(&prepared.graph), graph_text::write(&graph(&small())));
}
