//! Gemma 4's text model, whose blocks read a small vector of their own for every token, and whose attention differs
//! between blocks with a window and blocks without.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::decoder::{Family, Norms, Sizes, Windows, attention, finish, reaches};
use super::dense::LLAMA;
use crate::workload::Reach;
use crate::workload::transformer::{
    Attention, Block, FeedForward, HEADS_MAX, NormKind, Part, Place, QkNorm, Side, TransformerShape, WIDTH_MAX, Work,
};

/// `Gemma4TextConfig`.
const GEMMA_4: Family = Family {
    name: "gemma4_text",
    class: "Gemma4ForCausalLM",
    vocab: 262_144,
    hidden: 2_304,
    ffn: 9_216,
    layers: 30,
    heads: 8,
    kv_heads: Some(4),
    head_dim: Some(256),
    positions: 131_072,
    tied: true,
    place: Place::Around,
    mlp_bias: None,
    qk_norm: Norms::Always(QkNorm::Head(NormKind::RmsNorm)),
    windows: Windows::ButEvery(6),
    ..LLAMA
};

/// What the blocks that see everything have instead.
struct Wide {
    head_dim: u64,
    kv_heads: u64,
    keys_are_values: bool,
}

/// Reads the text model.
pub(super) fn gemma4(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    keys.only("enable_moe_block", false)?;
    keys.ignore(&["moe_intermediate_size", "num_experts", "top_k_experts"]);
    let sizes = Sizes::read(keys, &GEMMA_4)?;
    let near = attention(keys, &GEMMA_4, &sizes)?;
    let mut reaches = reaches(keys, &GEMMA_4, &sizes)?;
    if let Some(last) = reaches.last_mut() {
        *last = Reach::Sequence;
    }
    let wide = wide(keys, &near)?;
    let width = keys.size_or("intermediate_size", WIDTH_MAX, GEMMA_4.ffn)?;
    let side = side(keys)?;
    let shared = shared(keys)?.min(sizes.layers);
    let double = keys.flag_if_given("use_double_wide_mlp", false)?;
    let first_shared = (sizes.layers - shared) as usize;
    let mut blocks = Vec::new();
    for (layer, &reach) in reaches.iter().enumerate() {
        let sees_all = reach == Reach::Sequence;
        let mut attention = Attention { reach, ..near };
        if sees_all {
            let Wide { head_dim, kv_heads, keys_are_values } = wide;
            attention = Attention { kv_heads, head_dim, keys_are_values, ..attention };
        }
        let borrows = layer >= first_shared;
        if borrows {
            // The last block of its kind that has keys and values.
            let lender = reaches[..first_shared].iter().rposition(|of| (*of == Reach::Sequence) == sees_all);
            let Some(lender) = lender else { return Err(no_lender(keys)) };
            attention.kv_of_block = Some(lender as u32);
        }
        let width = if borrows && double { width.saturating_mul(2) } else { width };
        let feed_forward = FeedForward { width, gated: true, bias: false };
        let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
        let mut parts: Vec<_> = works.map(|work| Part::new(work, Place::Around, NormKind::RmsNorm)).into();
        if let Some(side) = side {
            parts.push(Part::new(Work::Side(side.width), Place::Branch, NormKind::RmsNorm));
        }
        blocks.push(Block::line(parts));
    }
    let mut shape = finish(keys, &GEMMA_4, &sizes, blocks)?;
    shape.side = side;
    Ok(shape)
}

/// The vectors that blocks read beside the stream.
fn side(keys: &mut Keys<'_>) -> Result<Option<Side>, ImportError> {
    let vocab = keys.size_or("vocab_size_per_layer_input", WIDTH_MAX, 262_144)?;
    if keys.node("hidden_size_per_layer_input").is_some_and(|node| node.value.is_off()) {
        return Ok(None);
    }
    Ok(Some(Side { vocab, width: keys.size_or("hidden_size_per_layer_input", WIDTH_MAX, 256)? }))
}

/// Blocks at the end that use keys and values of earlier ones.
fn shared(keys: &mut Keys<'_>) -> Result<u64, ImportError> {
    match keys.node("num_kv_shared_layers") {
        Some(node) if !node.value.is_off() => keys.size("num_kv_shared_layers", WIDTH_MAX),
        _ => Ok(0),
    }
}

fn no_lender(keys: &mut Keys<'_>) -> ImportError {
    let key = "num_kv_shared_layers";
    let expected = "a number that leaves a block of each kind with keys and values";
    match keys.node(key) {
        Some(node) => keys.wrong(key, node, expected),
        None => ImportError::Missing { key: keys.full(key), expected },
    }
}

/// Heads of the blocks that see everything: from their own keys, or from the list of exceptions that says the same.
fn wide(keys: &mut Keys<'_>, near: &Attention) -> Result<Wide, ImportError> {
    let keys_are_values = keys.flag_if_given("attention_k_eq_v", false)?;
    let mut head_dim = keys.size_if_given("global_head_dim", HEADS_MAX)?.unwrap_or(512);
    let mut kv_heads = keys.size_if_given("num_global_key_value_heads", HEADS_MAX)?.filter(|_| keys_are_values);
    if let Some(node) = keys.node("per_layer_config").filter(|node| node.value != Value::Null) {
        let Value::Map(map) = &node.value else { return Err(keys.wrong("per_layer_config", node, "a mapping")) };
        // The library writes one exception for each block that sees everything; all are the same.
        if map.values().any(|exception| map.values().next().is_some_and(|first| exception.value != first.value)) {
            return Err(keys.uncounted("per_layer_config", node));
        }
        if let Some(Value::Map(exception)) = map.values().next().map(|node| &node.value) {
            let mut exception = Keys::new(exception, "per_layer_config.", "gemma4_text");
            head_dim = exception.size_if_given("head_dim", HEADS_MAX)?.unwrap_or(near.head_dim);
            kv_heads = exception.size_if_given("num_key_value_heads", HEADS_MAX)?;
            keys.warnings.extend(exception.finish()?);
        }
    }
    Ok(Wide { head_dim, kv_heads: kv_heads.unwrap_or(near.kv_heads), keys_are_values })
}
