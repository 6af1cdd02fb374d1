//! Decoders before and beside Llama: GPT and what was made of it. Values are those of the configuration classes.

use super::super::ImportError;
use super::super::keys::Keys;
use super::head_dim;
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, HEADS_MAX, LAYERS_MAX, NormKind, Part, Place, TransformerShape, WIDTH_MAX,
    Work,
};

/// Attention and a feed-forward part, both with layer norms at this place.
pub(super) fn block(attention: Attention, feed_forward: FeedForward, place: Place) -> Block {
    let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
    Block::line(works.map(|work| Part::new(work, place, NormKind::LayerNorm)).into())
}

/// Attention and a feed-forward part side by side, with one norm for both or one for each.
fn parallel(attention: Attention, feed_forward: FeedForward, norms: u64) -> Block {
    let place = if norms == 1 { Place::Shared } else { Place::Before };
    let first = Part::new(Work::Attention(attention), Place::Before, NormKind::LayerNorm);
    let second = Part::new(Work::FeedForward(feed_forward), place, NormKind::LayerNorm);
    Block::parallel(vec![first, second])
}

/// A pointwise feed-forward part.
pub(super) fn plain(width: u64, bias: bool) -> FeedForward {
    FeedForward { width, gated: false, bias }
}

/// Sizes under the names that GPT-2 gave them.
struct Old {
    hidden: u64,
    attention: Attention,
    layers: usize,
    vocab: u64,
    positions: u64,
}

impl Old {
    fn read(keys: &mut Keys<'_>, [hidden, heads, layers, vocab, positions]: [u64; 5]) -> Result<Self, ImportError> {
        let hidden = keys.size_or("n_embd", WIDTH_MAX, hidden)?;
        let heads = keys.size_or("n_head", HEADS_MAX, heads)?;
        let attention = Attention::plain(heads, head_dim(keys, "n_head", hidden, heads)?);
        keys.ignore(&["activation_function", "attn_pdrop", "embd_pdrop", "layer_norm_epsilon", "n_ctx", "resid_pdrop"]);
        keys.ignore(&["reorder_and_upcast_attn", "scale_attn_by_inverse_layer_idx", "scale_attn_weights"]);
        keys.ignore(&["summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type"]);
        keys.ignore(&["summary_use_proj", "rotary", "rotary_dim", "afn", "predict_special_tokens"]);
        Ok(Self {
            hidden,
            attention,
            layers: keys.size_or("n_layer", LAYERS_MAX, layers)? as usize,
            vocab: keys.size_or("vocab_size", WIDTH_MAX, vocab)?,
            positions: keys.size_or("n_positions", WIDTH_MAX, positions)?,
        })
    }

    fn shape(&self, class: &str, block: Block, rows: u64) -> TransformerShape {
        let blocks = vec![block; self.layers];
        let shape = TransformerShape::decoder(self.hidden, self.vocab, self.positions, blocks);
        with_positions(TransformerShape { class: class.to_owned(), ..shape }, rows)
    }
}

/// The shape with so many rows of learned positions.
pub(super) fn with_positions(mut shape: TransformerShape, rows: u64) -> TransformerShape {
    if let Some(tables) = &mut shape.tables {
        tables.positions = rows;
    }
    shape
}

/// Whether the scores use the token table.
pub(super) fn tie(keys: &mut Keys<'_>, shape: &mut TransformerShape, default: bool) -> Result<(), ImportError> {
    let tied = keys.flag_if_given("tie_word_embeddings", default)?;
    shape.head = shape.head.clone().with(|scores| scores.tied = tied);
    Ok(())
}

pub(super) fn gpt2(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let old = Old::read(keys, [768, 12, 12, 50_257, 1_024])?;
    let width = keys.size_if_given("n_inner", WIDTH_MAX)?.unwrap_or(4 * old.hidden);
    let attention = Attention { bias: Biases::ALL, ..old.attention };
    let block = block(attention, plain(width, true), Place::Before);
    let mut shape = old.shape("GPT2LMHeadModel", block, old.positions);
    tie(keys, &mut shape, true)?;
    Ok(shape)
}

/// The first GPT, with norms behind each sum and none at the end.
pub(super) fn openai(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let old = Old::read(keys, [768, 12, 12, 40_478, 512])?;
    let attention = Attention { bias: Biases::ALL, ..old.attention };
    let block = block(attention, plain(4 * old.hidden, true), Place::After);
    let mut shape = old.shape("OpenAIGPTLMHeadModel", block, old.positions);
    shape.final_norm = None;
    tie(keys, &mut shape, true)?;
    Ok(shape)
}

/// GPT-J: both parts side by side under one norm, no bias in attention, one in the head.
pub(super) fn gptj(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let old = Old::read(keys, [4_096, 16, 28, 50_400, 2_048])?;
    let width = keys.size_if_given("n_inner", WIDTH_MAX)?.unwrap_or(4 * old.hidden);
    let mut shape = old.shape("GPTJForCausalLM", parallel(old.attention, plain(width, true), 1), 0);
    tie(keys, &mut shape, false)?;
    shape.head = shape.head.with(|scores| scores.bias = true);
    Ok(shape)
}

/// GPT-NeoX: both parts side by side under a norm each.
pub(super) fn neox(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 6_144)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, 64)?;
    let width = keys.size_or("intermediate_size", WIDTH_MAX, 24_576)?;
    let on = keys.flag_if_given("attention_bias", true)?;
    let bias = Biases { qkv: on, out: on };
    let attention =
        Attention { bias, ..Attention::plain(heads, head_dim(keys, "num_attention_heads", hidden, heads)?) };
    let block = if keys.flag_if_given("use_parallel_residual", true)? {
        parallel(attention, plain(width, true), 2)
    } else {
        block(attention, plain(width, true), Place::Before)
    };
    let layers = keys.size_or("num_hidden_layers", LAYERS_MAX, 44)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 50_432)?;
    let sequence = keys.size_or("max_position_embeddings", WIDTH_MAX, 2_048)?;
    let mut shape = TransformerShape::decoder(hidden, vocab, sequence, vec![block; layers as usize]);
    "GPTNeoXForCausalLM".clone_into(&mut shape.class);
    tie(keys, &mut shape, false)?;
    keys.ignore(&["hidden_dropout", "layer_norm_eps", "rotary_emb_base", "rotary_pct", "is_decoder"]);
    keys.ignore(&["partial_rotary_factor"]);
    Ok(shape)
}

/// BLOOM: positions cost nothing, and the tables' sum is normalised.
pub(super) fn bloom(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let named = super::experts::named;
    let hidden = named(keys, (&["hidden_size", "n_embed"], 64), WIDTH_MAX)?;
    let heads = named(keys, (&["n_head", "num_attention_heads"], 8), HEADS_MAX)?;
    let layers = named(keys, (&["n_layer", "num_hidden_layers"], 2), LAYERS_MAX)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 250_880)?;
    // The file states no sequence; the family was trained with 2048 tokens.
    let sequence = keys.size_if_given("seq_length", WIDTH_MAX)?.unwrap_or(2_048);
    let attention = Attention::plain(heads, head_dim(keys, "n_head", hidden, heads)?);
    let block = block(Attention { bias: Biases::ALL, ..attention }, plain(4 * hidden, true), Place::Before);
    let mut shape = TransformerShape::decoder(hidden, vocab, sequence, vec![block; layers as usize]);
    "BloomForCausalLM".clone_into(&mut shape.class);
    if let Some(tables) = &mut shape.tables {
        tables.norm = Some(NormKind::LayerNorm);
    }
    tie(keys, &mut shape, true)?;
    keys.ignore(&["apply_residual_connection_post_layernorm", "attention_softmax_in_fp32", "bias_dropout_fusion"]);
    keys.ignore(&["hidden_dropout", "layer_norm_epsilon", "masked_softmax_fusion", "offset_alibi", "slow_but_exact"]);
    keys.ignore(&["skip_bias_add", "skip_bias_add_qkv", "unk_token_id"]);
    Ok(shape)
}

/// Falcon: one key-value head, several, or all, and both parts side by side or not.
pub(super) fn falcon(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let named = super::experts::named;
    let hidden = named(keys, (&["hidden_size", "n_embed"], 4_544), WIDTH_MAX)?;
    let heads = named(keys, (&["num_attention_heads", "n_head"], 71), HEADS_MAX)?;
    let layers = named(keys, (&["num_hidden_layers", "n_layer"], 32), LAYERS_MAX)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 65_024)?;
    let sequence = keys.size_if_given("max_position_embeddings", WIDTH_MAX)?.unwrap_or(2_048);
    let width = keys.size_if_given("ffn_hidden_size", WIDTH_MAX)?.unwrap_or(4 * hidden);
    let new = keys.flag_if_given("new_decoder_architecture", false)?;
    let multi_query = keys.flag_if_given("multi_query", true)?;
    let side_by_side = keys.flag_if_given("parallel_attn", true)?;
    let on = keys.flag_if_given("bias", false)?;
    let kv_given = named_kv_heads(keys)?.unwrap_or(heads);
    let kv_heads = match (new, multi_query) {
        (true, _) => kv_given,
        (false, true) => 1,
        (false, false) => heads,
    };
    let norms = keys.size_if_given("num_ln_in_parallel_attn", 2)?.unwrap_or(if new { 2 } else { 1 });
    let head_dim = head_dim(keys, "num_attention_heads", hidden, heads)?;
    let attention = Attention { kv_heads, bias: Biases { qkv: on, out: on }, ..Attention::plain(heads, head_dim) };
    let block = if side_by_side {
        parallel(attention, plain(width, on), norms)
    } else {
        block(attention, plain(width, on), Place::Before)
    };
    let mut shape = TransformerShape::decoder(hidden, vocab, sequence, vec![block; layers as usize]);
    "FalconForCausalLM".clone_into(&mut shape.class);
    tie(keys, &mut shape, true)?;
    keys.ignore(&["activation", "alibi", "apply_residual_connection_post_layernorm", "ff_factor", "hidden_dropout"]);
    keys.ignore(&["layer_norm_epsilon", "rotary_base"]);
    Ok(shape)
}

fn named_kv_heads(keys: &mut Keys<'_>) -> Result<Option<u64>, ImportError> {
    let given = keys.size_if_given("num_kv_heads", HEADS_MAX)?;
    Ok(given.or(keys.size_if_given("n_head_kv", HEADS_MAX)?))
}

pub(super) fn opt(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 768)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, 12)?;
    let sequence = keys.size_or("max_position_embeddings", WIDTH_MAX, 2_048)?;
    keys.only("layer_norm_elementwise_affine", true)?;
    let before = keys.flag_if_given("do_layer_norm_before", true)?;
    let on = keys.flag_if_given("enable_bias", true)?;
    let width = keys.size_or("ffn_dim", WIDTH_MAX, 3_072)?;
    let attention = Attention::plain(heads, head_dim(keys, "num_attention_heads", hidden, heads)?);
    let attention = Attention { bias: Biases { qkv: on, out: on }, ..attention };
    let place = if before { Place::Before } else { Place::After };
    let layers = keys.size_or("num_hidden_layers", LAYERS_MAX, 12)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 50_272)?;
    let blocks = vec![block(attention, plain(width, on), place); layers as usize];
    // The table begins with two rows that no token uses.
    let mut shape = with_positions(TransformerShape::decoder(hidden, vocab, sequence, blocks), sequence + 2);
    "OPTForCausalLM".clone_into(&mut shape.class);
    tie(keys, &mut shape, true)?;
    let narrow = keys.size_if_given("word_embed_proj_dim", WIDTH_MAX)?.filter(|width| *width != hidden);
    if let Some(tables) = &mut shape.tables {
        tables.width = narrow;
    }
    shape.head = shape.head.with(|scores| scores.width = narrow);
    if !before || keys.flag_if_given("_remove_final_layer_norm", false)? {
        shape.final_norm = None;
    }
    keys.ignore(&["activation_function", "activation_dropout", "dropout", "init_std", "layerdrop"]);
    keys.ignore(&["_remove_final_layer_norm"]);
    Ok(shape)
}

/// BioGPT: GPT-2 with the names of BERT and two unused rows of positions.
pub(super) fn biogpt(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 1_024)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, 16)?;
    let sequence = keys.size_or("max_position_embeddings", WIDTH_MAX, 1_024)?;
    let width = keys.size_or("intermediate_size", WIDTH_MAX, 4_096)?;
    let attention = Attention::plain(heads, head_dim(keys, "num_attention_heads", hidden, heads)?);
    let block = block(Attention { bias: Biases::ALL, ..attention }, plain(width, true), Place::Before);
    let layers = keys.size_or("num_hidden_layers", LAYERS_MAX, 24)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 42_384)?;
    let shape = TransformerShape::decoder(hidden, vocab, sequence, vec![block; layers as usize]);
    let mut shape = with_positions(shape, sequence + 2);
    "BioGptForCausalLM".clone_into(&mut shape.class);
    tie(keys, &mut shape, true)?;
    keys.ignore(&["activation_dropout", "attention_probs_dropout_prob", "hidden_dropout_prob", "layer_norm_eps"]);
    keys.ignore(&["layerdrop", "scale_embedding"]);
    keys.ignore(&["is_decoder"]);
    Ok(shape)
}
