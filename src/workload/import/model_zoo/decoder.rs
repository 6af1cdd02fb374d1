//! Decoders of the model zoo: one model whose parts a file switches on and off.

use super::super::ImportError;
use super::super::keys::Keys;
use super::{as_map, gated, head_dim, nested, refused, word_or};
use crate::workload::Reach;
use crate::workload::transformer::{
    Attention, Biases, Block, Choice, Experts, FeedForward, HEADS_MAX, LAYERS_MAX, NormKind, Part, Place,
    TransformerShape, WIDTH_MAX, Work,
};

/// How a family is set where its file is silent.
pub(super) struct Usual {
    norm: NormKind,
    /// Biases of attention and of the feed-forward part.
    biased: bool,
    tied: bool,
    nonlinearity: &'static str,
    positions: &'static str,
    /// Whether attention and feed-forward part stand side by side.
    parallel: bool,
}

pub(super) const GPT: Usual = Usual {
    norm: NormKind::LayerNorm,
    biased: true,
    tied: true,
    nonlinearity: "gelu",
    positions: "learned",
    parallel: false,
};
pub(super) const LLAMA: Usual = Usual {
    norm: NormKind::RmsNorm,
    biased: false,
    tied: false,
    nonlinearity: "swiglu",
    positions: "rotary",
    parallel: false,
};
pub(super) const JAIS: Usual = Usual { nonlinearity: "swiglu", positions: "alibi", ..GPT };
pub(super) const GPTJ: Usual = Usual { biased: false, tied: false, positions: "rotary", parallel: true, ..GPT };
pub(super) const FALCON: Usual = Usual { tied: true, ..GPTJ };
pub(super) const MIXTRAL: Usual = Usual { norm: NormKind::LayerNorm, ..LLAMA };
pub(super) const GEMMA: Usual = Usual { tied: true, nonlinearity: "geglu", ..LLAMA };

/// Refuses switches that add or remove parameters and are not counted here.
pub(super) fn refuse_uncounted_switches(keys: &mut Keys<'_>) -> Result<(), ImportError> {
    let switches = [
        "alibi_trainable_slopes",
        "position_embedding_offset",
        "use_parallel_residual",
        "attention_qk_norm_layer",
        "qk_norm",
    ];
    for key in switches {
        keys.only(key, false)?;
    }
    for key in ["norm_first", "use_final_layer_norm"] {
        keys.only(key, true)?;
    }
    keys.left_out("fixed_sparse_attention", "attention is counted over all tokens");
    Ok(())
}

/// GPT, Llama, Mixtral and what else is made of the same parts.
pub(super) fn read(keys: &mut Keys<'_>, usual: &Usual) -> Result<TransformerShape, ImportError> {
    refuse_uncounted_switches(keys)?;
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let sequence = keys.size("max_position_embeddings", WIDTH_MAX)?;
    let learned = learned_positions(keys, usual)?;
    let biased = keys.flag_or("use_projection_bias_in_attention", usual.biased)?;
    let layers = keys.size("num_hidden_layers", LAYERS_MAX)?;
    let inner = keys.size_if_given("attention_inner_dim", WIDTH_MAX)?.unwrap_or(hidden);
    let attention = Attention {
        kv_heads: kv_heads(keys, heads)?,
        bias: Biases { qkv: biased, out: keys.flag_or("use_ffn_bias_in_attention", usual.biased)? },
        ..Attention::plain(heads, head_dim(keys, inner, heads)?)
    };
    let norm = norm(keys, usual)?;
    let feed_forward = FeedForward {
        width: keys.size("filter_size", WIDTH_MAX)?,
        gated: gated(keys, "nonlinearity", usual.nonlinearity)?,
        bias: keys.flag_or("use_ffn_bias", usual.biased)?,
    };
    let work = experts(keys, feed_forward)?;
    let place = if keys.flag_if_given("norm_first_sandwich", false)? { Place::Around } else { Place::Before };
    let block = block(keys, usual, [Work::Attention(attention), work], (place, norm))?;
    let vocab = keys.size("vocab_size", WIDTH_MAX)?;
    let blocks = reaches(keys, layers, sequence)?.into_iter().map(|reach| reaching(&block, reach)).collect();
    let mut shape = TransformerShape::decoder(hidden, vocab, sequence, blocks);
    "language model with its head".clone_into(&mut shape.class);
    shape.final_norm = Some(norm);
    if let Some(tables) = &mut shape.tables {
        tables.positions = if learned { sequence } else { 0 };
        tables.norm = keys.flag_if_given("embedding_layer_norm", false)?.then_some(norm);
    }
    let bias = keys.flag_or("use_bias_in_output", false)?;
    let tied = keys.flag_or("share_embedding_weights", usual.tied)?;
    shape.head = shape.head.with(|scores| (scores.bias, scores.tied) = (bias, tied));
    Ok(shape)
}

/// One block: parts in a row, or side by side under one norm or one each.
fn block(
    keys: &mut Keys<'_>,
    usual: &Usual,
    works: [Work; 2],
    (place, norm): (Place, NormKind),
) -> Result<Block, ImportError> {
    let untied = keys.flag_if_given("use_untied_layer_norm", false)?;
    let [first, second] = works;
    if !usual.parallel {
        if untied {
            return Err(refused(keys, "use_untied_layer_norm"));
        }
        return Ok(Block::line(vec![Part::new(first, place, norm), Part::new(second, place, norm)]));
    }
    if place != Place::Before {
        return Err(refused(keys, "norm_first_sandwich"));
    }
    let other = if untied { Place::Before } else { Place::Shared };
    Ok(Block::parallel(vec![Part::new(first, Place::Before, norm), Part::new(second, other, norm)]))
}

/// The same block with attention of this reach.
fn reaching(block: &Block, reach: Reach) -> Block {
    let mut block = block.clone();
    for part in &mut block.parts {
        if let Work::Attention(attention) = &mut part.work {
            attention.reach = reach;
        }
    }
    block
}

/// What each block's attention sees: a window and the tokens at the beginning that stay in view, or everything.
fn reaches(keys: &mut Keys<'_>, layers: u64, sequence: u64) -> Result<Vec<Reach>, ImportError> {
    let window = keys.size_if_given("attention_sliding_window_length", WIDTH_MAX)?;
    let sinks = keys.size_if_given("attention_sink_tokens", WIDTH_MAX)?.unwrap_or(0);
    let every_other = keys.flag_if_given("sliding_window_every_other_decoder_layer", false)?;
    let window = window.map(|window| window + sinks).filter(|window| *window < sequence);
    let reach = |layer| match window {
        Some(window) if !every_other || layer % 2 == 0 => Reach::Window(window),
        _ => Reach::Sequence,
    };
    Ok((0..layers).map(reach).collect())
}

/// The feed-forward part, or experts of its shape if the file has a section about them.
fn experts(keys: &mut Keys<'_>, expert: FeedForward) -> Result<Work, ImportError> {
    if keys.node("moe").is_none_or(|node| node.value.is_off()) {
        return Ok(Work::FeedForward(expert));
    }
    let mut moe = nested(keys, "moe", "router")?;
    let experts = moe.size("num_experts", HEADS_MAX)?;
    let chosen = moe.size("top_k", HEADS_MAX)?;
    let shared = moe.size_if_given("num_shared_experts", HEADS_MAX)?;
    moe.ignore(&["load_balancing_loss_coef", "router_fp32", "routing_algorithm", "null_expert_bias"]);
    moe.ignore(&["router_selection_nonlinearity", "expert_weight_normalization", "probability_before_ffn"]);
    moe.ignore(&["gate_initializer", "moe_implementation"]);
    keys.warnings.extend(moe.finish()?);
    let shared = shared.map(|count| FeedForward { width: count.saturating_mul(expert.width), ..expert });
    Ok(Work::Experts(Experts { shared, ..Experts::plain(Choice { experts, chosen }, expert) }))
}

fn learned_positions(keys: &mut Keys<'_>, usual: &Usual) -> Result<bool, ImportError> {
    match word_or(keys, "position_embedding_type", usual.positions)? {
        "learned" => Ok(true),
        "rotary" | "alibi" | "fixed" | "none" => Ok(false),
        _ => Err(refused(keys, "position_embedding_type")),
    }
}

fn norm(keys: &mut Keys<'_>, usual: &Usual) -> Result<NormKind, ImportError> {
    match keys.text("norm_type")? {
        // The zoo's decoders normalise with scale and shift unless told otherwise.
        None if usual.norm == NormKind::LayerNorm => Ok(NormKind::LayerNorm),
        None => {
            keys.assumed("norm_type", "rmsnorm");
            Ok(usual.norm)
        }
        Some("layernorm") => Ok(NormKind::LayerNorm),
        Some("rmsnorm" | "biasless-layernorm") => Ok(NormKind::RmsNorm),
        Some(_) => Err(refused(keys, "norm_type")),
    }
}

/// Heads with keys and values of their own: all of them, or one for each group.
fn kv_heads(keys: &mut Keys<'_>, heads: u64) -> Result<u64, ImportError> {
    keys.ignore(&["attention_type"]);
    let shared = match keys.text("attention_module")? {
        None | Some("aiayn_attention") => false,
        Some("multiquery_attention") => true,
        Some(_) => return Err(refused(keys, "attention_module")),
    };
    let Some(node) = keys.node("extra_attention_params").filter(|node| !node.value.is_off()) else {
        // Multi-query attention shares one head unless told otherwise.
        return if shared { Err(missing_groups(keys)) } else { Ok(heads) };
    };
    let map = as_map(node).ok_or_else(|| keys.wrong("extra_attention_params", node, "a mapping"))?;
    let mut extra = Keys::new(map, &keys.full("extra_attention_params."), "decoder");
    let groups = extra.size_if_given("num_kv_groups", HEADS_MAX)?;
    keys.warnings.extend(extra.finish()?);
    match (shared, groups) {
        (true, Some(groups)) if heads.is_multiple_of(groups) => Ok(groups),
        (true, Some(groups)) => {
            let (key, expected) =
                (keys.full("extra_attention_params.num_kv_groups"), format!("a divisor of the {heads} heads"));
            Err(ImportError::Value { line: node.line, key, expected, found: groups.to_string() })
        }
        (true, None) => Err(missing_groups(keys)),
        (false, Some(groups)) if groups != heads => Err(keys.uncounted("extra_attention_params", node)),
        (false, _) => Ok(heads),
    }
}

fn missing_groups(keys: &Keys<'_>) -> ImportError {
    let key = keys.full("extra_attention_params.num_kv_groups");
    ImportError::Missing { key, expected: "a positive whole number beside multiquery_attention" }
}
