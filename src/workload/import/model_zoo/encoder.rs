//! Encoders of the model zoo: BERT with its heads, and ESM-2.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::{gated, head_dim, refused};
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, HEADS_MAX, Head, LAYERS_MAX, NormKind, Part, Place, Pooler, Scores,
    TransformerShape, WIDTH_MAX, Work,
};

/// The encoder without a head; BERT's unless the file is about proteins.
fn encoder(keys: &mut Keys<'_>, proteins: bool) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let positions = keys.size("max_position_embeddings", WIDTH_MAX)?;
    // The published BERT has all of these, and its files rarely say so.
    for key in [
        "share_embedding_weights",
        "use_projection_bias_in_attention",
        "use_ffn_bias_in_attention",
        "use_ffn_bias",
        "use_ffn_bias_in_mlm",
        "use_output_bias_in_mlm",
    ] {
        keys.only(key, true)?;
    }
    keys.only("embedding_layer_norm", !proteins)?;
    keys.only("attention_module", false)?;
    let learned = match keys.text("position_embedding_type")? {
        None | Some("learned") if !proteins => true,
        Some("rotary") if proteins => false,
        _ => return Err(refused(keys, "position_embedding_type")),
    };
    keys.ignore(&["mlm_nonlinearity", "pooler_nonlinearity", "mlm_loss_weight", "attention_type", "token_dropout"]);
    keys.ignore(&["mask_token_id", "pad_token_id", "problem_type", "task_dropout", "vocab_file", "label_vocab_file"]);
    keys.ignore(&["encoder_output_dropout_rate", "include_padding_in_loss"]);
    let attention = Attention { bias: Biases::ALL, ..Attention::plain(heads, head_dim(keys, hidden, heads)?) };
    let feed_forward = FeedForward {
        width: keys.size("filter_size", WIDTH_MAX)?,
        gated: gated(keys, "encoder_nonlinearity", "gelu")?,
        bias: true,
    };
    let place = if proteins { Place::Before } else { Place::After };
    let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
    let block = Block::line(works.map(|work| Part::new(work, place, NormKind::LayerNorm)).into());
    let layers = keys.size("num_hidden_layers", LAYERS_MAX)?;
    let vocab = keys.size("vocab_size", WIDTH_MAX)?;
    let mut shape = TransformerShape::decoder(hidden, vocab, positions, vec![block; layers as usize]);
    let segments = keys.size_if_given("num_segments", WIDTH_MAX)?;
    if let Some(tables) = &mut shape.tables {
        tables.positions = if learned { positions } else { 0 };
        tables.token_types = segments.unwrap_or(if proteins { 0 } else { 2 });
        tables.norm = (!proteins).then_some(NormKind::LayerNorm);
    }
    shape.final_norm = proteins.then_some(NormKind::LayerNorm);
    shape.causal = false;
    Ok(shape)
}

/// The head that predicts masked words.
fn masked(vocab: u64) -> Head {
    let scores = Scores { bias: true, transform: Some(NormKind::LayerNorm), ..Scores::plain(vocab) };
    Head { scores: Some(scores), pooler: None, towers: Vec::new() }
}

fn vocab(shape: &TransformerShape) -> u64 {
    shape.tables.as_ref().map_or(1, |tables| tables.vocab)
}

/// Refuses what the zoo's decoders have and its BERT has not.
fn refuse_switches(keys: &mut Keys<'_>) -> Result<(), ImportError> {
    super::decoder::refuse_uncounted_switches(keys)?;
    for key in ["moe", "norm_first_sandwich", "use_untied_layer_norm", "attention_inner_dim"] {
        keys.only(key, false)?;
    }
    keys.left_out("attention_sliding_window_length", "attention is counted over all tokens, not over the window");
    Ok(())
}

/// Pre-training BERT: masked-language-model head, pooler and next-sentence head.
pub(super) fn bert(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    refuse_switches(keys)?;
    let mut shape = encoder(keys, false)?;
    let pooler = if keys.flag_if_given("disable_nsp", false)? { None } else { Some(Pooler::NEXT_SENTENCE) };
    let class = if pooler.is_some() { "BERT for pre-training, with both heads" } else { "BERT for masked words" };
    class.clone_into(&mut shape.class);
    shape.head = Head { pooler, ..masked(vocab(&shape)) };
    Ok(shape)
}

/// ESM-2: norms before each part, rotary positions, masked-language-model head.
pub(super) fn esm2(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    keys.only("disable_nsp", true)?;
    keys.only("use_final_layer_norm", true)?;
    let mut shape = encoder(keys, true)?;
    "ESM-2 for masked residues".clone_into(&mut shape.class);
    shape.head = masked(vocab(&shape));
    Ok(shape)
}

/// BERT with a pooler and classes for a whole sequence.
pub(super) fn classifier(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    refuse_switches(keys)?;
    let mut shape = encoder(keys, false)?;
    let classes = keys.size_or("num_labels", WIDTH_MAX, 2)?;
    "BERT with classes for a sequence".clone_into(&mut shape.class);
    shape.head = Head::classifier(Pooler { classes, name: "classifier", ..Pooler::NEXT_SENTENCE });
    Ok(shape)
}

/// BERT with classes for every token.
pub(super) fn token_classifier(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    refuse_switches(keys)?;
    let mut shape = encoder(keys, false)?;
    let classes = keys.size("num_classes", WIDTH_MAX)?;
    "BERT with classes for every token".clone_into(&mut shape.class);
    let scores = Scores { tied: false, bias: true, ..Scores::plain(classes) };
    shape.head = Head { scores: Some(scores), pooler: None, towers: Vec::new() };
    Ok(shape)
}

/// BERT with one score for every sentence, counted as one for every token.
pub(super) fn summarization(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    refuse_switches(keys)?;
    let mut shape = encoder(keys, false)?;
    let bias = keys.flag_or("use_cls_bias", true)?;
    "BERT with one score for a sentence".clone_into(&mut shape.class);
    let scores = Scores { tied: false, bias, ..Scores::plain(1) };
    shape.head = Head { scores: Some(scores), pooler: None, towers: Vec::new() };
    if let Some(node) = keys.node("num_classes")
        && node.value != Value::Integer(1)
    {
        return Err(keys.uncounted("num_classes", node));
    }
    Ok(shape)
}
