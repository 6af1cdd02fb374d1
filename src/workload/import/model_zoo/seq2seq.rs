//! Models of the zoo with an encoder and a decoder: T5 and the first transformer.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::{gated, refused};
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, Front, HEADS_MAX, LAYERS_MAX, NormKind, Part, Place, Stack, Tables,
    TransformerShape, WIDTH_MAX, Work,
};

/// How a family is set where its file is silent.
pub(super) struct Usual {
    class: &'static str,
    positions: &'static str,
    /// Biases of the feed-forward part.
    biased: bool,
    /// Whether norms stand before the parts, with one more at the end.
    before: bool,
}

pub(super) const T5: Usual =
    Usual { class: "T5, encoder and decoder", positions: "relative", biased: false, before: true };
pub(super) const TRANSFORMER: Usual =
    Usual { class: "transformer, encoder and decoder", positions: "fixed", biased: false, before: false };

/// Buckets of relative positions, each with a trained element for every head (Raffel et al. 2020, section 2.1).
const BUCKETS: u64 = 32;

/// Reads both networks.
pub(super) fn read(keys: &mut Keys<'_>, usual: &Usual) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size("d_model", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let head_dim = keys.size("d_kv", HEADS_MAX)?;
    let source = keys.size("src_max_position_embeddings", WIDTH_MAX)?;
    let target = keys.size("tgt_max_position_embeddings", WIDTH_MAX)?;
    let extra = keys.size_if_given("extra_ids", WIDTH_MAX)?.unwrap_or(0);
    let vocab = keys.size("src_vocab_size", WIDTH_MAX)? + extra;
    let target_vocab = keys.size_if_given("tgt_vocab_size", WIDTH_MAX)?.map_or(vocab, |size| size + extra);
    let norm = match keys.text("norm_type")? {
        None | Some("layernorm") => NormKind::LayerNorm,
        Some("rmsnorm" | "biasless-layernorm") => NormKind::RmsNorm,
        Some(_) => return Err(refused(keys, "norm_type")),
    };
    let (learned, relative) = match keys.text("position_embedding_type")?.unwrap_or(usual.positions) {
        "relative" => (false, true),
        "fixed" | "rotary" | "none" => (false, false),
        "learned_absolute" | "learned" => (true, false),
        _ => return Err(refused(keys, "position_embedding_type")),
    };
    let biased = keys.flag_if_given("use_projection_bias_in_attention", false)?;
    let bias = Biases { qkv: biased, out: keys.flag_if_given("use_ffn_bias_in_attention", biased)? };
    let attention = Attention { bias, ..Attention::plain(heads, head_dim) };
    let width = keys.size("d_ff", WIDTH_MAX)?;
    let ffn_bias = keys.flag_if_given("use_ffn_bias", usual.biased)?;
    let before = keys.flag_if_given("use_pre_encoder_decoder_layer_norm", usual.before)?;
    let place = if before { Place::Before } else { Place::After };
    let final_norm = before.then_some(norm);
    let part = |work| Part::new(work, place, norm);
    let buckets =
        if relative { keys.size_if_given("relative_attention_num_buckets", WIDTH_MAX)?.unwrap_or(BUCKETS) } else { 0 };
    // The first block of each network owns the relative positions, which the others use as well.
    let positioned = |attention: Attention, layer: u64| {
        let extra = if layer == 0 { buckets.saturating_mul(heads) } else { 0 };
        Work::Attention(Attention { extra, ..attention })
    };
    let feed_forward = |gated| Work::FeedForward(FeedForward { width, gated, bias: ffn_bias });
    let gated_encoder = gated(keys, "encoder_nonlinearity", "relu")?;
    let gated_decoder = gated(keys, "decoder_nonlinearity", "relu")?;
    let encoder = |layer| Block::line(vec![part(positioned(attention, layer)), part(feed_forward(gated_encoder))]);
    let cross = Work::Attention(Attention { cross: true, ..attention });
    let decoder = |layer| {
        Block::line(vec![part(positioned(attention, layer)), part(cross.clone()), part(feed_forward(gated_decoder))])
    };
    let layers = keys.size("encoder_num_hidden_layers", LAYERS_MAX)?;
    let decoder_layers = keys.size("decoder_num_hidden_layers", LAYERS_MAX)?;
    let blocks = (0..decoder_layers).map(decoder).collect();
    let mut shape = TransformerShape::decoder(hidden, target_vocab, target, blocks);
    usual.class.clone_into(&mut shape.class);
    shape.final_norm = final_norm;
    let tables = |vocab, rows| Tables { positions: if learned { rows } else { 0 }, ..Tables::tokens(vocab) };
    shape.tables = Some(tables(target_vocab, target));
    shape.front = Some(Front::Encoder(Stack {
        tables: tables(vocab, source),
        lends_table: keys.flag_or("share_encoder_decoder_embedding", true)?,
        positions: source,
        blocks: (0..layers).map(encoder).collect(),
        final_norm,
    }));
    let tied = keys.flag_or("share_embedding_weights", true)?;
    let output_bias = keys.flag_if_given("use_bias_in_output", false)?;
    shape.head = shape.head.with(|scores| (scores.tied, scores.bias) = (tied, output_bias));
    if tied && vocab != target_vocab {
        let node = keys.node("tgt_vocab_size");
        return Err(node.map_or_else(
            || ImportError::Missing { key: keys.full("tgt_vocab_size"), expected: "the size of the shared vocabulary" },
            |node| keys.uncounted("tgt_vocab_size", node),
        ));
    }
    keys.ignore(&["lm_loss_weight", "mlm_loss_scaling", "use_dropout_outside_residual_path", "relu_dropout_rate"]);
    keys.ignore(&["use_pre_encoder_decoder_dropout", "use_transformer_initialization", "use_t5_layer_norm"]);
    if keys.node("tie_encoder_decoder").is_some_and(|node| node.value == Value::Bool(true)) {
        return Err(refused(keys, "tie_encoder_decoder"));
    }
    Ok(shape)
}
