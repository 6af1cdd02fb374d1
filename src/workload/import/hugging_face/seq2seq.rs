//! Families with an encoder and a decoder, of which the causal class is the decoder alone. Its cross-attention is
//! there, and looks at an encoder's output that comes from elsewhere.

use super::super::ImportError;
use super::super::keys::Keys;
use super::gpt::{plain, tie, with_positions};
use super::head_dim;
use crate::workload::transformer::{
    Attention, Biases, Block, Front, HEADS_MAX, LAYERS_MAX, NormKind, Part, Place, TransformerShape, WIDTH_MAX, Work,
};

/// A family and the values that it takes where a file is silent.
pub(super) struct Decoder {
    class: &'static str,
    vocab: u64,
    hidden: u64,
    layers: u64,
    heads: u64,
    ffn: u64,
    positions: u64,
    /// Rows in front of the position table that no token uses.
    offset: u64,
    place: Place,
    /// Whether the sum of the tables is normalised.
    embedding_norm: bool,
    final_norm: bool,
}

/// `BlenderbotConfig`: Blenderbot 3B.
pub(super) const BLENDERBOT: Decoder = Decoder {
    class: "BlenderbotForCausalLM",
    vocab: 8_008,
    hidden: 2_560,
    layers: 24,
    heads: 32,
    ffn: 10_240,
    positions: 128,
    offset: 0,
    place: Place::Before,
    embedding_norm: false,
    final_norm: true,
};

/// `MBartConfig`: mBART large.
pub(super) const MBART: Decoder = Decoder {
    class: "MBartForCausalLM",
    vocab: 50_265,
    hidden: 1_024,
    layers: 12,
    heads: 16,
    ffn: 4_096,
    positions: 1_024,
    offset: 2,
    embedding_norm: true,
    ..BLENDERBOT
};

/// `TrOCRConfig`: TrOCR base.
pub(super) const TROCR: Decoder =
    Decoder { class: "TrOCRForCausalLM", positions: 512, place: Place::After, final_norm: false, ..MBART };

/// Reads the decoder.
pub(super) fn read(keys: &mut Keys<'_>, family: &Decoder) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("d_model", WIDTH_MAX, family.hidden)?;
    let heads = keys.size_or("decoder_attention_heads", HEADS_MAX, family.heads)?;
    let layers = keys.size_or("decoder_layers", LAYERS_MAX, family.layers)?;
    let width = keys.size_or("decoder_ffn_dim", WIDTH_MAX, family.ffn)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, family.vocab)?;
    let positions = keys.size_or("max_position_embeddings", WIDTH_MAX, family.positions)?;
    let memory = keys.size_if_given("cross_attention_hidden_size", WIDTH_MAX)?.unwrap_or(hidden);
    let attention = Attention::plain(heads, head_dim(keys, "decoder_attention_heads", hidden, heads)?);
    let attention = Attention { bias: Biases::ALL, ..attention };
    let works = [
        Work::Attention(attention),
        Work::Attention(Attention { cross: true, ..attention }),
        Work::FeedForward(plain(width, true)),
    ];
    let block = Block::line(works.map(|work| Part::new(work, family.place, NormKind::LayerNorm)).into());
    let shape = TransformerShape::decoder(hidden, vocab, positions, vec![block; layers as usize]);
    let learned = keys.flag_if_given("use_learned_position_embeddings", true)?;
    let mut shape = with_positions(shape, if learned { positions + family.offset } else { 0 });
    family.class.clone_into(&mut shape.class);
    shape.front = Some(Front::Given { positions, width: memory });
    let embedding_norm = keys.flag_if_given("layernorm_embedding", family.embedding_norm)?;
    if let Some(tables) = &mut shape.tables {
        tables.norm = embedding_norm.then_some(NormKind::LayerNorm);
    }
    shape.final_norm = family.final_norm.then_some(NormKind::LayerNorm);
    tie(keys, &mut shape, true)?;
    keys.warnings.push(format!(
        "is_encoder_decoder: counted is {}, the decoder alone, with cross-attention to {positions} states of an encoder",
        family.class
    ));
    keys.ignore(&["activation_dropout", "activation_function", "decoder_layerdrop", "dropout", "encoder_layerdrop"]);
    keys.ignore(&["encoder_attention_heads", "encoder_ffn_dim", "encoder_layers", "num_hidden_layers"]);
    keys.ignore(&["encoder_no_repeat_ngram_size", "forced_bos_token_id", "forced_eos_token_id", "init_std"]);
    keys.ignore(&["is_decoder", "scale_embedding", "add_bias_logits", "add_final_layer_norm", "normalize_before"]);
    keys.ignore(&["normalize_embedding", "static_position_embeddings", "extra_layer_norm", "extra_pos_embeddings"]);
    keys.ignore(&["force_bos_token_to_be_generated", "length_penalty", "classif_dropout", "max_length", "min_length"]);
    keys.ignore(&["no_repeat_ngram_size", "classifier_dropout", "layernorm_variant", "do_blenderbot_90_layernorm"]);
    Ok(shape)
}
