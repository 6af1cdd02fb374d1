//! Encoders in the line of BERT, with the head that predicts words. Values are those of the configuration classes.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::gpt::{block, plain, tie, with_positions};
use super::{asks_for, head_dim};
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, HEADS_MAX, Head, LAYERS_MAX, NormKind, Part, Place, Pooler, Scores,
    TransformerShape, WIDTH_MAX, Work,
};

/// A family in the line of BERT and the values that it takes where a file is silent.
pub(super) struct Bert {
    pub(super) name: &'static str,
    /// The class with a causal head.
    class: &'static str,
    /// What the class for masked words is called, which has the same parameters.
    masked: &'static str,
    /// The class with both heads of pre-training, if the family has one.
    pretraining: Option<&'static str>,
    hidden: u64,
    layers: u64,
    heads: u64,
    ffn: u64,
    vocab: u64,
    positions: u64,
    place: Place,
    /// Whether positions are learned.
    learned: bool,
    /// Whether the sum of the tables is normalised.
    embedding_norm: bool,
    /// Whether the token tables may be narrower than the hidden size.
    factorised: bool,
    /// Whether an adapter for each language follows the feed-forward part.
    adapters: bool,
}

const BERT: Bert = Bert {
    name: "bert",
    class: "BertLMHeadModel",
    masked: "BertForMaskedLM",
    pretraining: Some("BertForPreTraining"),
    hidden: 768,
    layers: 12,
    heads: 12,
    ffn: 3_072,
    vocab: 30_522,
    positions: 512,
    place: Place::After,
    learned: true,
    embedding_norm: true,
    factorised: false,
    adapters: false,
};

/// All of them.
pub(super) const FAMILIES: &[Bert] = &[
    BERT,
    Bert {
        name: "roberta",
        class: "RobertaForCausalLM",
        masked: "RobertaForMaskedLM",
        pretraining: None,
        vocab: 50_265,
        ..BERT
    },
    Bert {
        name: "xlm-roberta",
        class: "XLMRobertaForCausalLM",
        masked: "XLMRobertaForMaskedLM",
        pretraining: None,
        ..BERT
    },
    Bert {
        name: "roberta-prelayernorm",
        class: "RobertaPreLayerNormForCausalLM",
        masked: "RobertaPreLayerNormForMaskedLM",
        pretraining: None,
        vocab: 50_265,
        place: Place::Before,
        ..BERT
    },
    Bert {
        name: "megatron-bert",
        class: "MegatronBertForCausalLM",
        masked: "MegatronBertForMaskedLM",
        pretraining: Some("MegatronBertForPreTraining"),
        hidden: 1_024,
        layers: 24,
        heads: 16,
        ffn: 4_096,
        vocab: 29_056,
        place: Place::Before,
        embedding_norm: false,
        ..BERT
    },
    Bert {
        name: "roformer",
        class: "RoFormerForCausalLM",
        masked: "RoFormerForMaskedLM",
        pretraining: None,
        vocab: 50_000,
        positions: 1_536,
        learned: false,
        factorised: true,
        ..BERT
    },
    Bert {
        name: "xmod",
        class: "XmodForCausalLM",
        masked: "XmodForMaskedLM",
        pretraining: None,
        adapters: true,
        ..BERT
    },
];

/// Reads an encoder of one of these families.
pub(super) fn read(keys: &mut Keys<'_>, family: &Bert) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, family.hidden)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, family.heads)?;
    let positions = keys.size_or("max_position_embeddings", WIDTH_MAX, family.positions)?;
    if let Some(node) = keys.node("position_embedding_type")
        && ![Value::Null, Value::Text("absolute".to_owned())].contains(&node.value)
    {
        return Err(keys.uncounted("position_embedding_type", node));
    }
    // An untied decoder has a second bias in some releases and not in others.
    keys.only("tie_word_embeddings", true)?;
    let attention = Attention::plain(heads, head_dim(keys, "num_attention_heads", hidden, heads)?);
    let attention = Attention { bias: Biases::ALL, ..attention };
    let width = keys.size_or("intermediate_size", WIDTH_MAX, family.ffn)?;
    let mut block = block(attention, plain(width, true), family.place);
    let mut norm_after = family.place == Place::Before;
    if family.adapters {
        (block, norm_after) = adapters(keys, block, hidden)?;
    }
    let layers = keys.size_or("num_hidden_layers", LAYERS_MAX, family.layers)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, family.vocab)?;
    let mut blocks = vec![block; layers as usize];
    if !family.learned {
        // The rotations of one head stand in a table that the class owns, though they are never trained.
        own_rotations(&mut blocks[0], positions);
    }
    let mut shape = TransformerShape::decoder(hidden, vocab, positions, blocks);
    if family.factorised
        && let Some(node) = keys.node("embedding_size")
        && ![Value::Null, Value::Integer(hidden.into())].contains(&node.value)
    {
        // The norm and the token types would stand in front of the projection.
        return Err(keys.uncounted("embedding_size", node));
    }
    if let Some(tables) = &mut shape.tables {
        tables.positions = if family.learned { positions } else { 0 };
        tables.token_types = keys.size_or("type_vocab_size", WIDTH_MAX, 2)?;
        tables.norm = family.embedding_norm.then_some(NormKind::LayerNorm);
    }
    shape.final_norm = norm_after.then_some(NormKind::LayerNorm);
    let scores = Scores { bias: true, transform: Some(NormKind::LayerNorm), ..Scores::plain(vocab) };
    shape.head = Head { scores: Some(scores), pooler: None, towers: Vec::new() };
    let pretraining = family.pretraining.filter(|class| asks_for(keys, class));
    let class = match pretraining {
        Some(class) => {
            shape.head.pooler = Some(Pooler::NEXT_SENTENCE);
            class
        }
        None if asks_for(keys, family.masked) => family.masked,
        None => family.class,
    };
    class.clone_into(&mut shape.class);
    shape.causal = keys.flag_if_given("is_decoder", false)?;
    keys.ignore(&["attention_probs_dropout_prob", "hidden_dropout_prob", "layer_norm_eps", "rotary_value"]);
    keys.ignore(&["gradient_checkpointing", "directionality", "pooler_fc_size", "pooler_num_attention_heads"]);
    keys.ignore(&["pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"]);
    Ok(shape)
}

fn own_rotations(block: &mut Block, positions: u64) {
    for part in &mut block.parts {
        if let Work::Attention(attention) = &mut part.work {
            attention.extra = positions.saturating_mul(attention.head_dim);
        }
    }
}

fn missing(key: &str) -> ImportError {
    ImportError::Missing { key: key.to_owned(), expected: "a positive whole number" }
}

/// The block with an adapter behind its feed-forward part, and whether a norm follows the last block. A token passes
/// through the adapter of its language; the others are held and idle.
fn adapters(keys: &mut Keys<'_>, mut block: Block, hidden: u64) -> Result<(Block, bool), ImportError> {
    let before = keys.flag_if_given("pre_norm", false)?;
    keys.only("adapter_layer_norm", false)?;
    keys.ignore(&["adapter_reuse_layer_norm", "ln_before_adapter", "default_language"]);
    let factor = keys.size_or("adapter_reduction_factor", WIDTH_MAX, 2)?;
    let languages = match keys.node("languages") {
        None => 1,
        Some(node) => match &node.value {
            Value::List(list) => list.len() as u64,
            _ => return Err(keys.wrong("languages", node, "a list")),
        },
    };
    if languages != 1 {
        let node = keys.node("languages").ok_or_else(|| missing("languages"))?;
        return Err(keys.uncounted("languages", node));
    }
    let adapter = FeedForward { width: (hidden / factor).max(1), gated: false, bias: true };
    // The adapter reads the feed-forward part's sum under the norm that this part has in any case.
    let part = Part::new(Work::FeedForward(adapter), Place::Branch, NormKind::Plain);
    if before {
        block.parts.iter_mut().for_each(|part| part.place = Place::Before);
    }
    block.parts.push(part);
    Ok((block, before))
}

/// XLM: one table of languages more, if there are several.
pub(super) fn xlm(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("emb_dim", WIDTH_MAX, 2_048)?;
    let heads = keys.size_or("n_heads", HEADS_MAX, 16)?;
    let layers = keys.size_or("n_layers", LAYERS_MAX, 12)?;
    let named = super::experts::named;
    let vocab = named(keys, (&["vocab_size", "n_words"], 30_145), WIDTH_MAX)?;
    let positions = keys.size_or("max_position_embeddings", WIDTH_MAX, 512)?;
    let languages = keys.size_if_given("n_langs", WIDTH_MAX)?.unwrap_or(1);
    let attention = Attention::plain(heads, head_dim(keys, "n_heads", hidden, heads)?);
    let block = block(Attention { bias: Biases::ALL, ..attention }, plain(4 * hidden, true), Place::After);
    let shape = TransformerShape::decoder(hidden, vocab, positions, vec![block; layers as usize]);
    let mut shape = with_positions(shape, positions);
    "XLMWithLMHeadModel".clone_into(&mut shape.class);
    if let Some(tables) = &mut shape.tables {
        tables.norm = Some(NormKind::LayerNorm);
        if languages > 1 && keys.flag_if_given("use_lang_emb", true)? {
            tables.more_rows = languages;
        }
    }
    tie(keys, &mut shape, true)?;
    shape.head = shape.head.with(|scores| scores.bias = true);
    shape.final_norm = None;
    shape.causal = keys.flag_if_given("causal", false)?;
    keys.only("asm", false)?;
    keys.only("is_encoder", true)?;
    keys.ignore(&["use_lang_emb", "bos_index", "bptt", "dropout", "embed_init_std", "end_n_top", "eos_index"]);
    keys.ignore(&["gelu_activation", "id2lang", "init_std", "lang2id", "lang_id", "layer_norm_eps", "mask_index"]);
    keys.ignore(&["pad_index", "same_enc_dec", "share_inout_emb", "sinusoidal_embeddings", "start_n_top"]);
    keys.ignore(&["summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type"]);
    keys.ignore(&["summary_use_proj", "unk_index", "attention_heads", "max_vocab", "n_lang"]);
    Ok(shape)
}
