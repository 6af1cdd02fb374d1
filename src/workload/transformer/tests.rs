//! Counts against closed forms and published sizes, on every combination of switches.

use super::*;

/// GPT-2 small, from Radford et al. 2019.
fn gpt2() -> TransformerShape {
    TransformerShape {
        name: "GPT-2".into(),
        family: "gpt2".into(),
        class: "GPT2LMHeadModel".into(),
        hidden: 768,
        layers: 12,
        heads: 12,
        kv_heads: 12,
        head_dim: 64,
        ffn: 3072,
        vocab: 50257,
        positions: 1024,
        token_types: 0,
        norm: NormKind::LayerNorm,
        order: NormOrder::Before,
        bias: Biases::BLOCKS,
        gated: false,
        tied: true,
        embedding_norm: false,
        final_norm: true,
        mlm_transform: false,
        pooler: false,
        next_sentence: false,
        causal: true,
        sequence: 1024,
        batch: None,
        warnings: vec![],
    }
}

/// Parameters from the closed forms of the literature, written without looking at operators.
fn closed_form(s: &TransformerShape) -> u64 {
    let on = |flag: bool, n: u64| if flag { n } else { 0 };
    let (h, f, q, kv) = (s.hidden, s.ffn, s.heads * s.head_dim, s.kv_heads * s.head_dim);
    let norm = h + on(s.norm == NormKind::LayerNorm, h);
    let attention = 2 * h * q + 2 * h * kv + on(s.bias.qkv, q + 2 * kv) + on(s.bias.out, h);
    let ffn = 2 * h * f + on(s.gated, h * f) + on(s.bias.ffn, f + h + on(s.gated, f));
    let tables = (s.vocab + s.positions + s.token_types) * h + on(!s.tied, s.vocab * h);
    let heads = on(s.bias.head, s.vocab)
        + on(s.mlm_transform, h * h + h + norm)
        + on(s.pooler, h * h + h)
        + on(s.next_sentence, 2 * h + 2);
    s.layers * (attention + ffn + 2 * norm) + tables + heads + on(s.embedding_norm, norm) + on(s.final_norm, norm)
}

/// Every combination of the switches that change a count, on an odd-sized model.
fn all_variants() -> Vec<TransformerShape> {
    (0_u32..1 << 12)
        .map(|bits| {
            let bit = |index: u32| bits >> index & 1 == 1;
            TransformerShape {
                hidden: 48,
                layers: 3,
                heads: 6,
                kv_heads: if bit(0) { 2 } else { 6 },
                head_dim: 10,
                ffn: 130,
                vocab: 301,
                positions: if bit(1) { 77 } else { 0 },
                token_types: if bit(2) { 2 } else { 0 },
                norm: if bit(3) { NormKind::LayerNorm } else { NormKind::RmsNorm },
                order: if bit(4) { NormOrder::Before } else { NormOrder::After },
                bias: Biases { qkv: bit(5), out: bit(6), ffn: bit(7), head: bit(8) },
                gated: bit(9),
                tied: bit(10),
                embedding_norm: bit(2),
                final_norm: bit(4),
                mlm_transform: bit(11),
                pooler: bit(11),
                next_sentence: bit(11) && bit(1),
                ..gpt2()
            }
        })
        .collect()
}

#[test]
fn parameters_equal_the_closed_form_and_stay_below_the_bound() {
    for shape in all_variants() {
        let counted = shape.graph().unwrap().parameters();
        assert_eq!(counted, closed_form(&shape), "{shape:?}");
        assert!(u128::from(counted) <= shape.parameters_upper_bound(), "{shape:?}");
        let flops = shape.graph().unwrap().forward_flops_per_token();
        assert!(u128::from(flops) <= shape.forward_flops_upper_bound(), "{shape:?}");
    }
}

#[test]
fn operators_read_only_earlier_ones_and_only_the_loss_is_unread() {
    for shape in all_variants() {
        let graph = shape.graph().unwrap();
        let mut read = vec![false; graph.ops.len()];
        for (id, op) in graph.iter() {
            assert!(op.inputs.iter().all(|input| *input < id), "{} reads ahead", op.name);
            op.inputs.iter().for_each(|input| read[input.0 as usize] = true);
        }
        let unread: Vec<_> = graph.iter().filter(|(id, _)| !read[id.0 as usize]).map(|(_, op)| &op.name).collect();
        // A pooler without a next-sentence head has no reader in pre-training.
        let idle = shape.pooler && !shape.next_sentence;
        assert_eq!(unread, if idle { vec!["pooler.act", "loss"] } else { vec!["loss"] });
    }
}

#[test]
fn gpt2_small_has_its_published_size_and_names() {
    let graph = gpt2().graph().unwrap();
    assert_eq!(graph.parameters(), 124_439_808);
    let names: Vec<_> = graph.ops.iter().filter(|op| op.block == Some(3)).map(|op| op.name.as_str()).collect();
    assert_eq!(names, ["ln1", "attn.qkv", "attn.score", "attn.out", "ln2", "mlp.up", "mlp.act", "mlp.down"]);
    let head = graph.find(None, "head").map(|id| graph.op(id)).unwrap();
    assert_eq!((head.parameters, head.weights_of), (0, graph.find(None, "embed")));
    assert_eq!(head.weight_elements(), 768 * 50257);
    // 2 operations for each weight that a token meets (Kaplan et al. 2020), plus attention and pointwise work.
    let weights = graph.parameters() - 1024 * 768;
    let flops = graph.forward_flops_per_token();
    assert!(flops > 2 * weights && flops < 3 * weights, "{flops}");
    assert_eq!(graph.training_flops_per_token(), 3 * flops);
}

#[test]
fn work_on_the_first_token_is_shared_by_its_sequence() {
    let with = TransformerShape { pooler: true, next_sentence: true, ..gpt2() }.graph().unwrap();
    let without = gpt2().graph().unwrap();
    let extra = (with.forward_flops_per_token() - without.forward_flops_per_token()) * 1024;
    let once = 2 * 768 * 768 + 5 * 768 + 2 * 768 * 2;
    assert!((once..once + 3 * 1024).contains(&extra), "{extra} against {once}");
}

#[test]
fn absurd_sizes_are_refused_in_one_sentence() {
    let refused = |shape: TransformerShape, part: &str| {
        let sentence = shape.graph().unwrap_err().to_string();
        assert!(sentence.contains(part), "{sentence}");
    };
    refused(TransformerShape { layers: 1_000_000_000, ..gpt2() }, "layers: expected a whole number from 1 to 10000");
    refused(TransformerShape { hidden: 0, ..gpt2() }, "hidden size");
    refused(TransformerShape { vocab: u64::MAX, ..gpt2() }, "found 18446744073709551615");
    refused(TransformerShape { kv_heads: 5, ..gpt2() }, "12 heads can be divided by, found 5");
    refused(TransformerShape { hidden: WIDTH_MAX, ffn: WIDTH_MAX, layers: 10_000, ..gpt2() }, "the sizes together");
    let wide = TransformerShape { hidden: 1, heads: HEADS_MAX, kv_heads: 1, head_dim: HEADS_MAX, ..gpt2() };
    refused(TransformerShape { sequence: WIDTH_MAX, layers: 1_000, ..wide }, "operations for one token");
    refused(TransformerShape { next_sentence: true, ..gpt2() }, "pooler");
}
