//! Hugging Face `config.json`, by `model_type`.
//!
//! What is counted is the family's language-model class of the transformers library. Keys and defaults are those of
//! its public configuration classes; a key that is not there takes the default, with a warning.

use super::ImportError;
use super::keys::Keys;
use super::value::{Mapping, Value, shortened};
use crate::units::format::parameters;
use crate::workload::transformer::{Biases, HEADS_MAX, LAYERS_MAX, NormKind, NormOrder, TransformerShape, WIDTH_MAX};

/// Keys of every configuration that change neither shape nor cost.
const COMMON: &[&str] = &[
    "_attn_implementation",
    "_name_or_path",
    "attention_dropout",
    "attn_implementation",
    "bad_words_ids",
    "bos_token_id",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "cls_token_id",
    "decoder_start_token_id",
    "do_sample",
    "dtype",
    "eos_token_id",
    "finetuning_task",
    "gradient_checkpointing",
    "hidden_act",
    "id2label",
    "initializer_range",
    "label2id",
    "mask_token_id",
    "max_length",
    "min_length",
    "model_type",
    "num_beams",
    "num_labels",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "pad_token_id",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "repetition_penalty",
    "return_dict",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "sep_token_id",
    "task_specific_params",
    "temperature",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "unk_token_id",
    "use_cache",
];

/// What the Llama-like families do not share.
struct LlamaLike {
    class: &'static str,
    vocab: u64,
    hidden: u64,
    ffn: u64,
    layers: u64,
    heads: u64,
    /// Key-value heads if the key is missing; `None` takes the number of heads.
    kv_heads: Option<u64>,
    /// Size of a head if the key is missing; `None` divides the hidden size among the heads.
    head_dim: Option<u64>,
    positions: u64,
    tied: bool,
    /// Which biases the family always has, whatever the file says.
    bias: Biases,
    /// Whether `attention_bias` is a key of the family, and `mlp_bias`.
    bias_keys: &'static [&'static str],
}

/// `LlamaConfig`: Llama 7B.
const LLAMA: LlamaLike = LlamaLike {
    class: "LlamaForCausalLM",
    vocab: 32_000,
    hidden: 4_096,
    ffn: 11_008,
    layers: 32,
    heads: 32,
    kv_heads: None,
    head_dim: None,
    positions: 2_048,
    tied: false,
    bias: Biases::NONE,
    bias_keys: &["attention_bias", "mlp_bias"],
};

/// `MistralConfig`: Mistral 7B.
const MISTRAL: LlamaLike = LlamaLike {
    class: "MistralForCausalLM",
    ffn: 14_336,
    kv_heads: Some(8),
    positions: 131_072,
    bias_keys: &[],
    ..LLAMA
};

/// `Qwen2Config`; query, key and value projections always have a bias, the output projection never.
const QWEN2: LlamaLike = LlamaLike {
    class: "Qwen2ForCausalLM",
    vocab: 151_936,
    ffn: 22_016,
    kv_heads: Some(32),
    positions: 32_768,
    bias: Biases { qkv: true, ..Biases::NONE },
    bias_keys: &[],
    ..LLAMA
};

/// `Phi3Config`: Phi-3 mini.
const PHI3: LlamaLike = LlamaLike {
    class: "Phi3ForCausalLM",
    vocab: 32_064,
    hidden: 3_072,
    ffn: 8_192,
    positions: 4_096,
    bias_keys: &[],
    ..LLAMA
};

/// `GemmaConfig`: Gemma 7B, whose heads are wider than the hidden size divided among them.
const GEMMA: LlamaLike = LlamaLike {
    class: "GemmaForCausalLM",
    vocab: 256_000,
    hidden: 3_072,
    ffn: 24_576,
    layers: 28,
    heads: 16,
    kv_heads: Some(16),
    head_dim: Some(256),
    positions: 8_192,
    tied: true,
    bias_keys: &["attention_bias"],
    ..LLAMA
};

/// Reads the top mapping of a `config.json`.
pub(super) fn read(map: &Mapping) -> Result<TransformerShape, ImportError> {
    let family = match map.get("model_type").map(|node| &node.value) {
        Some(Value::Text(family)) => family.as_str(),
        Some(other) => {
            let (key, expected) = ("model_type".to_owned(), "the name of a family".to_owned());
            return Err(ImportError::Value { line: None, key, expected, found: other.shown() });
        }
        None => return Err(ImportError::Missing { key: "model_type".to_owned(), expected: "the name of a family" }),
    };
    let mut keys = Keys::new(map, "", family);
    let mut shape = match family {
        "gpt2" => gpt2(&mut keys),
        "bert" => bert(&mut keys),
        "opt" => opt(&mut keys),
        "llama" => llama_like(&mut keys, &LLAMA),
        "mistral" => llama_like(&mut keys, &MISTRAL),
        "qwen2" => llama_like(&mut keys, &QWEN2),
        "phi3" => llama_like(&mut keys, &PHI3),
        "gemma" => llama_like(&mut keys, &GEMMA),
        _ => return Err(ImportError::UnsupportedFamily { family: shortened(family) }),
    }?;
    keys.ignore(COMMON);
    common_refusals(&mut keys)?;
    architectures(&mut keys, &shape.class);
    family.clone_into(&mut shape.family);
    shape.warnings = keys.finish()?;
    let size = shape.graph()?.parameters();
    shape.name = given_name(map).unwrap_or_else(|| format!("{family} {}", parameters(size)));
    Ok(shape)
}

/// The model's own name, if the file has kept it.
fn given_name(map: &Mapping) -> Option<String> {
    let Value::Text(path) = &map.get("_name_or_path")?.value else { return None };
    let name = path.trim_end_matches('/').rsplit('/').next()?.trim();
    if name.is_empty() || name == "." { None } else { Some(shortened(name)) }
}

/// What changes the count of any family and is not counted.
fn common_refusals(keys: &mut Keys<'_>) -> Result<(), ImportError> {
    for key in ["add_cross_attention", "is_encoder_decoder", "pruned_heads"] {
        keys.only(key, false)?;
    }
    keys.left_out("auto_map", "the file brings code of its own, which is not read");
    keys.left_out("quantization_config", "weights are counted as elements, whatever their stored precision");
    Ok(())
}

/// Says what was counted if the file names another class.
fn architectures(keys: &mut Keys<'_>, counted: &str) {
    let Some(node) = keys.node("architectures") else { return };
    let Value::List(names) = &node.value else { return };
    let same = names.iter().any(|name| name.value == Value::Text(counted.to_owned()));
    if let (Some(first), false) = (names.first(), same) {
        let found = first.value.shown();
        keys.warnings.push(format!("architectures: found {found}, counted as {counted}"));
    }
}

/// Whether the file asks for exactly this class.
fn asks_for(keys: &mut Keys<'_>, class: &str) -> bool {
    let listed = keys.node("architectures").map(|node| &node.value);
    matches!(listed, Some(Value::List(names)) if names.iter().any(|name| name.value == Value::Text(class.to_owned())))
}

/// The hidden size divided among the heads.
fn head_dim(keys: &Keys<'_>, key: &str, hidden: u64, heads: u64) -> Result<u64, ImportError> {
    if hidden.is_multiple_of(heads) {
        return Ok(hidden / heads);
    }
    let (key, expected) = (keys.full(key), format!("a number that the hidden size {hidden} can be divided by"));
    Err(ImportError::Value { line: None, key, expected, found: heads.to_string() })
}

fn gpt2(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("n_embd", WIDTH_MAX, 768)?;
    let heads = keys.size_or("n_head", HEADS_MAX, 12)?;
    let positions = keys.size_or("n_positions", WIDTH_MAX, 1_024)?;
    let shape = TransformerShape {
        class: "GPT2LMHeadModel".to_owned(),
        layers: keys.size_or("n_layer", LAYERS_MAX, 12)?,
        head_dim: head_dim(keys, "n_head", hidden, heads)?,
        ffn: keys.size_if_given("n_inner", WIDTH_MAX)?.unwrap_or(4 * hidden),
        vocab: keys.size_or("vocab_size", WIDTH_MAX, 50_257)?,
        positions,
        tied: keys.flag_if_given("tie_word_embeddings", true)?,
        sequence: positions,
        ..TransformerShape::decoder(hidden, heads)
    };
    keys.ignore(&["activation_function", "attn_pdrop", "embd_pdrop", "layer_norm_epsilon", "n_ctx", "resid_pdrop"]);
    keys.ignore(&["reorder_and_upcast_attn", "scale_attn_by_inverse_layer_idx", "scale_attn_weights"]);
    keys.ignore(&["summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type"]);
    keys.ignore(&["summary_use_proj"]);
    Ok(shape)
}

fn opt(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 768)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, 12)?;
    let sequence = keys.size_or("max_position_embeddings", WIDTH_MAX, 2_048)?;
    keys.only("do_layer_norm_before", true)?;
    keys.only("enable_bias", true)?;
    keys.only("layer_norm_elementwise_affine", true)?;
    if let Some(node) = keys.node("word_embed_proj_dim")
        && ![Value::Null, Value::Integer(hidden.into())].contains(&node.value)
    {
        return Err(keys.uncounted("word_embed_proj_dim", node));
    }
    let shape = TransformerShape {
        class: "OPTForCausalLM".to_owned(),
        layers: keys.size_or("num_hidden_layers", LAYERS_MAX, 12)?,
        head_dim: head_dim(keys, "num_attention_heads", hidden, heads)?,
        ffn: keys.size_or("ffn_dim", WIDTH_MAX, 3_072)?,
        vocab: keys.size_or("vocab_size", WIDTH_MAX, 50_272)?,
        // The table begins with two rows that no token uses.
        positions: sequence + 2,
        tied: keys.flag_if_given("tie_word_embeddings", true)?,
        final_norm: !keys.flag_if_given("_remove_final_layer_norm", false)?,
        sequence,
        ..TransformerShape::decoder(hidden, heads)
    };
    keys.ignore(&["activation_function", "activation_dropout", "dropout", "init_std", "layerdrop"]);
    Ok(shape)
}

fn bert(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 768)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, 12)?;
    let positions = keys.size_or("max_position_embeddings", WIDTH_MAX, 512)?;
    if let Some(node) = keys.node("position_embedding_type")
        && ![Value::Null, Value::Text("absolute".to_owned())].contains(&node.value)
    {
        return Err(keys.uncounted("position_embedding_type", node));
    }
    // An untied decoder has a second bias in some releases and not in others.
    keys.only("tie_word_embeddings", true)?;
    let pretraining = asks_for(keys, "BertForPreTraining");
    let class = match () {
        () if pretraining => "BertForPreTraining",
        () if asks_for(keys, "BertForMaskedLM") => "BertForMaskedLM",
        () => "BertLMHeadModel",
    };
    let shape = TransformerShape {
        class: class.to_owned(),
        layers: keys.size_or("num_hidden_layers", LAYERS_MAX, 12)?,
        head_dim: head_dim(keys, "num_attention_heads", hidden, heads)?,
        ffn: keys.size_or("intermediate_size", WIDTH_MAX, 3_072)?,
        vocab: keys.size_or("vocab_size", WIDTH_MAX, 30_522)?,
        positions,
        token_types: keys.size_or("type_vocab_size", WIDTH_MAX, 2)?,
        order: NormOrder::After,
        bias: Biases { head: true, ..Biases::BLOCKS },
        embedding_norm: true,
        final_norm: false,
        mlm_transform: true,
        pooler: pretraining,
        next_sentence: pretraining,
        causal: keys.flag_if_given("is_decoder", false)?,
        sequence: positions,
        ..TransformerShape::decoder(hidden, heads)
    };
    keys.ignore(&["attention_probs_dropout_prob", "hidden_dropout_prob", "layer_norm_eps"]);
    Ok(shape)
}

fn llama_like(keys: &mut Keys<'_>, default: &LlamaLike) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, default.hidden)?;
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, default.heads)?;
    let sequence = keys.size_or("max_position_embeddings", WIDTH_MAX, default.positions)?;
    let mut bias = default.bias;
    for key in default.bias_keys {
        let on = keys.flag_if_given(key, false)?;
        match *key {
            "attention_bias" => (bias.qkv, bias.out) = (on, on),
            _ => bias.ffn = on,
        }
    }
    // Other families count these, so here they may not pass as unknown.
    for key in ["attention_bias", "mlp_bias"] {
        if !default.bias_keys.contains(&key) {
            keys.only(key, false)?;
        }
    }
    let kv_heads = match (keys.has("num_key_value_heads"), default.kv_heads) {
        (false, Some(kv_heads)) => {
            keys.assumed("num_key_value_heads", &kv_heads.to_string());
            kv_heads
        }
        _ => keys.size_if_given("num_key_value_heads", HEADS_MAX)?.unwrap_or(heads),
    };
    let head_dim = match (keys.size_if_given("head_dim", HEADS_MAX)?, default.head_dim) {
        (Some(given), _) => given,
        (None, Some(fixed)) => {
            keys.assumed("head_dim", &fixed.to_string());
            fixed
        }
        (None, None) => head_dim(keys, "num_attention_heads", hidden, heads)?,
    };
    let shape = TransformerShape {
        class: default.class.to_owned(),
        layers: keys.size_or("num_hidden_layers", LAYERS_MAX, default.layers)?,
        kv_heads,
        head_dim,
        ffn: keys.size_or("intermediate_size", WIDTH_MAX, default.ffn)?,
        vocab: keys.size_or("vocab_size", WIDTH_MAX, default.vocab)?,
        norm: NormKind::RmsNorm,
        bias,
        gated: true,
        tied: keys.flag_if_given("tie_word_embeddings", default.tied)?,
        causal: !keys.flag_if_given("use_bidirectional_attention", false)?,
        sequence,
        ..TransformerShape::decoder(hidden, heads)
    };
    sliding_window(keys, sequence)?;
    keys.ignore(&["embd_pdrop", "resid_pdrop", "original_max_position_embeddings", "partial_rotary_factor"]);
    keys.ignore(&["hidden_activation", "max_window_layers"]);
    Ok(shape)
}

/// A window narrower than the sequence saves work that is counted all the same, which has to be said.
fn sliding_window(keys: &mut Keys<'_>, sequence: u64) -> Result<(), ImportError> {
    if let Some(node) = keys.node("layer_types") {
        let plain = ["full_attention", "sliding_attention"].map(|kind| Value::Text(kind.to_owned()));
        let known = match &node.value {
            Value::Null => true,
            Value::List(kinds) => kinds.iter().all(|kind| plain.contains(&kind.value)),
            _ => false,
        };
        if !known {
            return Err(keys.uncounted("layer_types", node));
        }
    }
    let on = keys.flag_if_given("use_sliding_window", true)?;
    let window = keys.size_if_given("sliding_window", u64::MAX)?;
    if let Some(window) = window.filter(|window| on && *window < sequence) {
        keys.warnings.push(format!(
            "sliding_window: attention is counted over all {sequence} tokens, not over the {window} of the window"
        ));
    }
    Ok(())
}
