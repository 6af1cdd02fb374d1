//! Transformers as exporters write them, in single arithmetic operators.

use std::io::Cursor;

use waferscope::workload::import::onnx::Unknown;
use waferscope::workload::import::read_from;
use waferscope::workload::transformer::{Attention, Biases, Block, FeedForward, NormKind, Part, Place, Tables, Work};
use waferscope::workload::{Graph, OpKind, Reach, TransformerShape};

use super::encode::{Net, Set, Size, weights};
use super::{count, graph, op};

const HIDDEN: i64 = 64;
const HEADS: i64 = 4;
const FFN: i64 = 256;
const VOCAB: i64 = 1000;
const LENGTH: i64 = 32;
const LAYERS: usize = 2;

/// `y = x · w + b`.
fn linear(net: Net, x: &str, y: &str, [inner, outer]: [i64; 2]) -> Net {
    let [w, b, product] = ["w", "b", "product"].map(|part| format!("{y}.{part}"));
    net.weights(&w, &[inner, outer]).weights(&b, &[outer]).node("MatMul", &[x, &w], &[&product], &[]).node(
        "Add",
        &[&b, &product],
        &[y],
        &[],
    )
}

/// A layer norm in nine operators.
fn layer_norm(net: Net, x: &str, y: &str) -> Net {
    let part = |part: &str| format!("{y}.{part}");
    let last = [Set::Ints("axes", &[-1])];
    net.weights(&part("gamma"), &[HIDDEN])
        .weights(&part("beta"), &[HIDDEN])
        .weights(&part("two"), &[])
        .weights(&part("epsilon"), &[])
        .node("ReduceMean", &[x], &[&part("mean")], &last)
        .node("Sub", &[x, &part("mean")], &[&part("centred")], &[])
        .node("Pow", &[&part("centred"), &part("two")], &[&part("square")], &[])
        .node("ReduceMean", &[&part("square")], &[&part("variance")], &last)
        .node("Add", &[&part("variance"), &part("epsilon")], &[&part("above")], &[])
        .node("Sqrt", &[&part("above")], &[&part("deviation")], &[])
        .node("Div", &[&part("centred"), &part("deviation")], &[&part("normal")], &[])
        .node("Mul", &[&part("normal"), &part("gamma")], &[&part("scaled")], &[])
        .node("Add", &[&part("scaled"), &part("beta")], &[y], &[])
}

/// The exact activation of BERT in five operators.
fn gelu(net: Net, x: &str, y: &str) -> Net {
    let part = |part: &str| format!("{y}.{part}");
    net.weights(&part("root"), &[])
        .weights(&part("one"), &[])
        .weights(&part("half"), &[])
        .node("Div", &[x, &part("root")], &[&part("quotient")], &[])
        .node("Erf", &[&part("quotient")], &[&part("erf")], &[])
        .node("Add", &[&part("erf"), &part("one")], &[&part("sum")], &[])
        .node("Mul", &[x, &part("sum")], &[&part("product")], &[])
        .node("Mul", &[&part("product"), &part("half")], &[y], &[])
}

/// Splits the width into heads, with positions in front of them or behind.
fn heads(net: Net, x: &str, y: &str, perm: &[i64]) -> Net {
    let split = format!("{y}.split");
    net.node("Reshape", &[x, "split"], &[&split], &[]).node("Transpose", &[&split], &[y], &[Set::Ints("perm", perm)])
}

fn attention(net: Net, x: &str, y: &str) -> Net {
    let part = |part: &str| format!("{y}.{part}");
    let mut net = net;
    for name in ["q", "k", "v"] {
        net = linear(net, x, &part(name), [HIDDEN, HIDDEN]);
    }
    net = heads(net, &part("q"), &part("qh"), &[0, 2, 1, 3]);
    net = heads(net, &part("k"), &part("kh"), &[0, 2, 3, 1]);
    net = heads(net, &part("v"), &part("vh"), &[0, 2, 1, 3]);
    net = net
        .weights(&part("scale"), &[])
        .node("MatMul", &[&part("qh"), &part("kh")], &[&part("scores")], &[])
        .node("Div", &[&part("scores"), &part("scale")], &[&part("scaled")], &[])
        .node("Add", &[&part("scaled"), "mask"], &[&part("masked")], &[])
        .node("Softmax", &[&part("masked")], &[&part("weights")], &[Set::Int("axis", -1)])
        .node("Dropout", &[&part("weights")], &[&part("dropped")], &[])
        .node("MatMul", &[&part("dropped"), &part("vh")], &[&part("values")], &[])
        .node("Transpose", &[&part("values")], &[&part("turned")], &[Set::Ints("perm", &[0, 2, 1, 3])])
        .node("Reshape", &[&part("turned"), "join"], &[&part("joined")], &[]);
    linear(net, &part("joined"), y, [HIDDEN, HIDDEN])
}

/// A small BERT with a mask that is computed from an input.
fn bert() -> Net {
    let sizes = [Size::Named("batch_size"), Size::Of(LENGTH)];
    let mut net = Net::new()
        .input("ids", &sizes)
        .input("attention", &sizes)
        .weights("words", &[VOCAB, HIDDEN])
        .weights("places", &[1, LENGTH, HIDDEN])
        .weights("one", &[])
        .weights("low", &[])
        .ints("axes", &[1, 2])
        .ints("split", &[0, -1, HEADS, HIDDEN / HEADS])
        .ints("join", &[0, -1, HIDDEN])
        .node("Unsqueeze", &["attention", "axes"], &["wide"], &[])
        .node("Sub", &["one", "wide"], &["hidden"], &[])
        .node("Mul", &["hidden", "low"], &["mask"], &[])
        .node("Gather", &["words", "ids"], &["found"], &[])
        .node("Add", &["found", "places"], &["placed"], &[]);
    net = layer_norm(net, "placed", "x0");
    for layer in 0..LAYERS {
        let [x, a, n] = ["x", "a", "n"].map(|part| format!("{part}{layer}"));
        let [sum, up, bent, down, other] = ["s", "u", "g", "d", "o"].map(|part| format!("{part}{layer}"));
        net = attention(net, &x, &a).node("Add", &[&a, &x], &[&sum], &[]);
        net = layer_norm(net, &sum, &n);
        net = gelu(linear(net, &n, &up, [HIDDEN, FFN]), &up, &bent);
        net = linear(net, &bent, &down, [FFN, HIDDEN]).node("Add", &[&down, &n], &[&other], &[]);
        net = layer_norm(net, &other, &format!("x{}", layer + 1));
    }
    net.node("Transpose", &["words"], &["back"], &[])
        .node("MatMul", &[&format!("x{LAYERS}"), "back"], &["y"], &[])
        .output("y")
}

/// The same model from its sizes, which knows nothing of ONNX.
fn bert_from_sizes() -> Graph {
    let attention = Attention { bias: Biases::ALL, ..Attention::plain(HEADS as u64, (HIDDEN / HEADS) as u64) };
    let dense = FeedForward { width: FFN as u64, gated: false, bias: true };
    let parts = [Work::Attention(attention), Work::FeedForward(dense)];
    let block = Block::line(parts.map(|work| Part::new(work, Place::After, NormKind::LayerNorm)).to_vec());
    let tables = Tables { positions: LENGTH as u64, norm: Some(NormKind::LayerNorm), ..Tables::tokens(VOCAB as u64) };
    let shape = TransformerShape {
        tables: Some(tables),
        final_norm: None,
        causal: false,
        ..TransformerShape::decoder(HIDDEN as u64, VOCAB as u64, LENGTH as u64, vec![block; LAYERS])
    };
    shape.graph().unwrap()
}

#[test]
fn a_decomposed_bert_is_the_transformer_that_it_is() {
    let (graph, expected) = (graph(&bert()), bert_from_sizes());
    assert_eq!(graph.parameters(), expected.parameters());
    assert_eq!(graph.multiply_adds_per_sequence(), expected.multiply_adds_per_sequence());
    let kinds = |graph: &Graph| {
        [
            count(graph, |kind| matches!(kind, OpKind::Attention { .. })),
            count(graph, |kind| matches!(kind, OpKind::Norm { .. })),
            count(graph, |kind| matches!(kind, OpKind::Activation { .. })),
            count(graph, |kind| matches!(kind, OpKind::Embedding { .. })),
        ]
    };
    assert_eq!(kinds(&graph), kinds(&expected));
    let attention = OpKind::Attention {
        heads: HEADS as u64,
        kv_heads: HEADS as u64,
        head_dim: 16,
        value_dim: 16,
        reach: Reach::Sequence,
    };
    assert_eq!(count(&graph, |kind| *kind == attention), LAYERS);
    // Each residual sum is taken by the norm behind it, branch first.
    let norm = op(&graph, "n0");
    let inputs: Vec<&str> = norm.inputs.iter().map(|&id| graph.op(id).name.as_str()).collect();
    assert_eq!(inputs, ["n_a0.product", "n_x0"]);
    assert_eq!(op(&graph, "y").weights_of, graph.find(None, "n_found"));
    assert_eq!(count(&graph, |kind| matches!(kind, OpKind::Elementwise { .. })), 1, "the sum of the tables");
}

#[test]
fn an_open_length_is_assumed_in_words() {
    let sizes = [Size::Named("batch"), Size::Named("sequence")];
    let net = Net::new().input("ids", &sizes).weights("words", &[VOCAB, HIDDEN]);
    let graph = graph(&net.node("Gather", &["words", "ids"], &["y"], &[]).output("y"));
    assert_eq!(graph.warnings, ["size \"sequence\" is left open; 128 is assumed"]);
    assert_eq!(graph.ops[0].tokens, waferscope::workload::Tokens::Count(128));
}

#[test]
fn gated_parts_and_shared_keys_are_found() {
    let net = Net::new()
        .known("x", &[1, LENGTH, HIDDEN])
        .weights("wg", &[HIDDEN, FFN])
        .weights("wu", &[HIDDEN, FFN])
        .weights("gamma", &[HIDDEN])
        .weights("two", &[])
        .weights("epsilon", &[])
        .node("Tanh", &["x"], &["x0"], &[])
        .node("Pow", &["x0", "two"], &["square"], &[])
        .node("ReduceMean", &["square"], &["mean"], &[Set::Ints("axes", &[-1])])
        .node("Add", &["mean", "epsilon"], &["above"], &[])
        .node("Sqrt", &["above"], &["root"], &[])
        .node("Div", &["x0", "root"], &["normal"], &[])
        .node("Mul", &["gamma", "normal"], &["n"], &[])
        .node("MatMul", &["n", "wg"], &["g"], &[])
        .node("MatMul", &["n", "wu"], &["u"], &[])
        .node("Sigmoid", &["g"], &["s"], &[])
        .node("Mul", &["g", "s"], &["silu"], &[])
        .node("Mul", &["silu", "u"], &["y"], &[])
        .output("y");
    let graph = graph(&net);
    assert_eq!(op(&graph, "n").kind, OpKind::Norm { width: HIDDEN as u64, keeps_sum: false });
    assert_eq!(op(&graph, "n").parameters, HIDDEN as u64);
    let gate = op(&graph, "y");
    assert_eq!(gate.kind, OpKind::Activation { width: FFN as u64, gated: true });
    assert_eq!(gate.inputs.len(), 2);
    assert_eq!(graph.ops.len(), 5);
    assert!(graph.fusions.iter().all(|fusion| !fusion.because.is_empty()));
}

#[test]
fn queries_may_share_keys() {
    let mut net = Net::new().known("x", &[1, 32, 64]).ints("join", &[1, 32, 64]);
    for (name, width, heads) in [("q", 64, 4), ("k", 16, 1), ("v", 16, 1)] {
        net = net
            .weights(&format!("w{name}"), &[64, width])
            .ints(&format!("s{name}"), &[1, 32, heads, 16])
            .node("MatMul", &["x", &format!("w{name}")], &[&format!("p{name}")], &[])
            .node("Reshape", &[&format!("p{name}"), &format!("s{name}")], &[&format!("r{name}")], &[])
            .node("Transpose", &[&format!("r{name}")], &[name], &[Set::Ints("perm", &[0, 2, 1, 3])]);
    }
    let net = net
        .ints("four", &[1, 4, 32, 16])
        .node("Expand", &["k", "four"], &["ke"], &[])
        .node("Expand", &["v", "four"], &["ve"], &[])
        .node("Transpose", &["ke"], &["kt"], &[Set::Ints("perm", &[0, 1, 3, 2])])
        .node("MatMul", &["q", "kt"], &["scores"], &[])
        .node("Softmax", &["scores"], &["p"], &[])
        .node("MatMul", &["p", "ve"], &["y"], &[])
        .output("y");
    let graph = graph(&net);
    let kind = OpKind::Attention { heads: 4, kv_heads: 1, head_dim: 16, value_dim: 16, reach: Reach::Sequence };
    assert_eq!(op(&graph, "y").kind, kind);
    assert_eq!(op(&graph, "y").inputs.len(), 3);
}

#[test]
fn attention_as_one_operator_is_attention() {
    let net = Net::new()
        .known("x", &[1, 32, 64])
        .weights("wq", &[64, 64])
        .weights("wk", &[64, 16])
        .node("MatMul", &["x", "wq"], &["q"], &[])
        .node("MatMul", &["x", "wk"], &["k"], &[])
        .node("MatMul", &["x", "wk"], &["v"], &[])
        .node("Attention", &["q", "k", "v"], &["y"], &[Set::Int("q_num_heads", 4), Set::Int("kv_num_heads", 1)])
        .output("y");
    let graph = graph(&net);
    let kind = OpKind::Attention { heads: 4, kv_heads: 1, head_dim: 16, value_dim: 16, reach: Reach::Sequence };
    assert_eq!((op(&graph, "y").kind, graph.warnings.len()), (kind, 0));
    assert_eq!(op(&graph, "y").inputs.len(), 3);
}

/// `[m × k] · [k × n]` of two activations that is no attention owns nothing and multiplies just as much.
#[test]
fn a_product_of_two_activations_has_no_weights() {
    let net = Net::new().known("a", &[1, 6, 20, 30]).known("b", &[1, 6, 30, 40]);
    let graph = graph(&net.node("MatMul", &["a", "b"], &["y"], &[]).output("y"));
    assert_eq!((graph.parameters(), graph.ops[0].weight_elements()), (0, 0));
    assert_eq!(graph.multiply_adds_per_sequence(), 6 * 20 * 30 * 40);
    assert_eq!(graph.ops[0].output_width() * 20, 6 * 20 * 40);
}

#[test]
fn unknown_operators_are_named_and_treated_as_asked() {
    let net = Net::new().known("x", &[1, 8, 4, 4]).weights("w", &[8, 8, 1, 1]);
    let net = net
        .node("Conv", &["x", "w"], &["a"], &[])
        .node("Frobnicate", &["a"], &["b"], &[])
        .node("If", &["b"], &["c"], &[Set::Graph("then_branch", weights("", &[]))])
        .node("Conv", &["c", "w"], &["y"], &[])
        .output("y");
    let file = net.file();
    let read = |unknown| read_from(&mut Cursor::new(&file), unknown);
    for (unknown, ops) in [(Unknown::Elementwise, 4), (Unknown::Skip, 2)] {
        let graph = read(unknown).unwrap().graph;
        assert_eq!(graph.ops.len(), ops);
        let [warning] = graph.warnings.as_slice() else { panic!("{:?}", graph.warnings) };
        assert!(warning.contains("1 × Frobnicate") && warning.contains("1 × If"), "{warning}");
    }
    let refused = read(Unknown::Stop).unwrap_err().to_string();
    assert!(refused.contains("1 × Frobnicate, 1 × If"), "{refused}");
}
