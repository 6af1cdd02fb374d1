//! Parameter files of the Cerebras model zoo: the `trainer:` layout of release 2.3 on, and the flat `model:` layout
//! before it.
//!
//! GPT-like families share one decoder whose parts the file switches on and off; BERT has its own reader. Sizes must
//! be given; a switch that is not there takes the family's usual setting, with a warning.

mod layout;

use super::ImportError;
use super::keys::Keys;
use super::value::{Mapping, Value};
use crate::units::format::parameters;
use crate::workload::transformer::{
    BATCH_MAX, Biases, HEADS_MAX, LAYERS_MAX, NormKind, NormOrder, TransformerShape, WIDTH_MAX,
};

use layout::{Layout, as_map};

/// Keys of the model section that change neither shape nor cost.
const IGNORED: &[&str] = &[
    "attention_dropout_rate",
    "attention_kernel",
    "attention_logits_alpha",
    "attention_softmax_fp32",
    "boundary_casting",
    "compute_eval_metrics",
    "dropout_rate",
    "dropout_seed",
    "embedding_dropout_rate",
    "embedding_initializer",
    "embeddings_scale",
    "enable_vts",
    "fp16_type",
    "initializer",
    "initializer_range",
    "label_smoothing",
    "layer_norm_epsilon",
    "loss_scaling",
    "loss_weight",
    "mixed_precision",
    "mup_base_filter_size",
    "mup_base_hidden_size",
    "name",
    "output_layer_initializer",
    "output_logits_alpha",
    "output_logits_scale",
    "pos_scaling_extra_args",
    "pos_scaling_factor",
    "pos_scaling_type",
    "position_embedding_initializer",
    "residual_dropout_rate",
    "rope_theta",
    "rotary_dim",
    "scale_output_logits_by_d",
    "scale_qk_dot_by_d",
    "scale_qk_dot_by_layer_idx",
    "use_bfloat16",
    "z_loss_coef",
    "z_loss_eps",
];

/// Pointwise functions of the feed-forward part.
const POINTWISE: [&str; 9] =
    ["gelu", "gelu_new", "quick_gelu", "relu", "relu6", "silu", "squared_relu", "tanh", "sigmoid"];
/// Functions that multiply two halves.
const GATED: [&str; 5] = ["swiglu", "geglu", "reglu", "glu", "bilinear"];

/// How a GPT-like family is set where its file is silent.
struct Usual {
    norm: NormKind,
    /// Biases of attention and of the feed-forward part.
    biased: bool,
    tied: bool,
    nonlinearity: &'static str,
    positions: &'static str,
}

const GPT: Usual =
    Usual { norm: NormKind::LayerNorm, biased: true, tied: true, nonlinearity: "gelu", positions: "learned" };
const LLAMA: Usual =
    Usual { norm: NormKind::RmsNorm, biased: false, tied: false, nonlinearity: "swiglu", positions: "rotary" };
const JAIS: Usual = Usual { nonlinearity: "swiglu", positions: "alibi", ..GPT };

/// Reads the top mapping of a file.
pub(super) fn read(top: &Mapping) -> Result<TransformerShape, ImportError> {
    let layout = Layout::find(top)?;
    let (family, guess) = layout.family()?;
    let mut keys = Keys::new(layout.model, layout.model_place, &family);
    keys.warnings.extend(layout.warnings.iter().cloned());
    keys.warnings.extend(guess);
    let mut shape = match family.as_str() {
        "gpt2" | "gpt3" | "starcoder" => decoder(&mut keys, &GPT),
        "jais" => decoder(&mut keys, &JAIS),
        "llama" | "mistral" => decoder(&mut keys, &LLAMA),
        "bert" => bert(&mut keys),
        _ => return Err(ImportError::UnsupportedFamily { family }),
    }?;
    keys.ignore(IGNORED);
    if let Some(key) = layout.sparse {
        keys.warnings.push(format!("{key}: all weights are counted, also those that training keeps at zero"));
    }
    task(&layout, &mut shape, &mut keys)?;
    shape.warnings = keys.finish()?;
    shape.family = family;
    let size = shape.graph()?.parameters();
    shape.name = format!("{} {}", shape.family, parameters(size));
    Ok(shape)
}

/// Sequence and batch of the training data.
fn task(layout: &Layout<'_>, shape: &mut TransformerShape, keys: &mut Keys<'_>) -> Result<(), ImportError> {
    let Some(data) = layout.data else { return Ok(()) };
    let mut data = Keys::new(data, layout.data_place, "data section");
    shape.batch = data.size_if_given("batch_size", BATCH_MAX)?;
    if let Some(sequence) = data.size_if_given("max_sequence_length", WIDTH_MAX)? {
        if shape.positions > 0 && sequence > shape.positions {
            let expected = format!("at most the {} positions of the model", shape.positions);
            let (key, found) = (data.full("max_sequence_length"), sequence.to_string());
            return Err(ImportError::Value { line: None, key, expected, found });
        }
        shape.sequence = sequence;
    }
    if shape.mlm_transform && data.size_if_given("max_predictions_per_seq", WIDTH_MAX)?.is_some() {
        let key = data.full("max_predictions_per_seq");
        keys.warnings.push(format!("{key}: the work of the masked-language-model head is counted for every token"));
    }
    Ok(())
}

/// Refuses switches of the shared decoder that add or remove parameters and are not counted here.
fn refuse_uncounted_switches(keys: &mut Keys<'_>) -> Result<(), ImportError> {
    let switches = [
        "alibi_trainable_slopes",
        "attention_inner_dim",
        "disable_nsp",
        "moe",
        "norm_first_sandwich",
        "position_embedding_offset",
        "use_untied_layer_norm",
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
    keys.left_out("attention_sink_tokens", "attention is counted over all tokens");
    keys.left_out("attention_sliding_window_length", "attention is counted over all tokens, not over the window");
    keys.left_out("fixed_sparse_attention", "attention is counted over all tokens");
    Ok(())
}

/// GPT, Llama, Mistral and what else is made of the same parts.
fn decoder(keys: &mut Keys<'_>, usual: &Usual) -> Result<TransformerShape, ImportError> {
    refuse_uncounted_switches(keys)?;
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let sequence = keys.size("max_position_embeddings", WIDTH_MAX)?;
    let learned = learned_positions(keys, usual)?;
    let attention = keys.flag_or("use_projection_bias_in_attention", usual.biased)?;
    Ok(TransformerShape {
        class: "language model with its head".to_owned(),
        layers: keys.size("num_hidden_layers", LAYERS_MAX)?,
        kv_heads: kv_heads(keys, heads)?,
        head_dim: head_dim(keys, hidden, heads)?,
        ffn: keys.size("filter_size", WIDTH_MAX)?,
        vocab: keys.size("vocab_size", WIDTH_MAX)?,
        positions: if learned { sequence } else { 0 },
        norm: norm(keys, usual)?,
        bias: Biases {
            qkv: attention,
            out: keys.flag_or("use_ffn_bias_in_attention", usual.biased)?,
            ffn: keys.flag_or("use_ffn_bias", usual.biased)?,
            head: keys.flag_or("use_bias_in_output", false)?,
        },
        gated: gated(keys, usual)?,
        tied: keys.flag_or("share_embedding_weights", usual.tied)?,
        embedding_norm: keys.flag_if_given("embedding_layer_norm", false)?,
        sequence,
        ..TransformerShape::decoder(hidden, heads)
    })
}

/// Pre-training BERT: masked-language-model head, pooler and next-sentence head.
fn bert(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    refuse_uncounted_switches(keys)?;
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
        "embedding_layer_norm",
    ] {
        keys.only(key, true)?;
    }
    if let Some(node) = keys.node("position_embedding_type")
        && node.value != Value::Text("learned".to_owned())
    {
        return Err(keys.uncounted("position_embedding_type", node));
    }
    keys.ignore(&[
        "encoder_nonlinearity",
        "mlm_nonlinearity",
        "pooler_nonlinearity",
        "mlm_loss_weight",
        "attention_type",
    ]);
    Ok(TransformerShape {
        class: "BERT for pre-training, with both heads".to_owned(),
        layers: keys.size("num_hidden_layers", LAYERS_MAX)?,
        head_dim: head_dim(keys, hidden, heads)?,
        ffn: keys.size("filter_size", WIDTH_MAX)?,
        vocab: keys.size("vocab_size", WIDTH_MAX)?,
        positions,
        token_types: keys.size_if_given("num_segments", WIDTH_MAX)?.unwrap_or(2),
        order: NormOrder::After,
        bias: Biases { head: true, ..Biases::BLOCKS },
        embedding_norm: true,
        final_norm: false,
        mlm_transform: true,
        pooler: true,
        next_sentence: true,
        causal: false,
        sequence: positions,
        ..TransformerShape::decoder(hidden, heads)
    })
}

/// Whether positions have a table of their own.
fn learned_positions(keys: &mut Keys<'_>, usual: &Usual) -> Result<bool, ImportError> {
    match word_or(keys, "position_embedding_type", usual.positions)? {
        "learned" => Ok(true),
        "rotary" | "alibi" | "fixed" | "none" => Ok(false),
        _ => Err(refused(keys, "position_embedding_type")),
    }
}

fn gated(keys: &mut Keys<'_>, usual: &Usual) -> Result<bool, ImportError> {
    let word = word_or(keys, "nonlinearity", usual.nonlinearity)?;
    match () {
        () if GATED.contains(&word) => Ok(true),
        () if POINTWISE.contains(&word) => Ok(false),
        () => Err(refused(keys, "nonlinearity")),
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

fn head_dim(keys: &Keys<'_>, hidden: u64, heads: u64) -> Result<u64, ImportError> {
    if hidden.is_multiple_of(heads) {
        return Ok(hidden / heads);
    }
    let (key, expected) = (keys.full("num_heads"), format!("a divisor of the hidden size {hidden}"));
    Err(ImportError::Value { line: None, key, expected, found: heads.to_string() })
}

/// A word; a key that is not there takes the family's usual one, with a warning.
fn word_or<'a>(keys: &mut Keys<'a>, key: &str, usual: &'a str) -> Result<&'a str, ImportError> {
    let word = keys.text(key)?;
    if word.is_none() {
        keys.assumed(key, usual);
    }
    Ok(word.unwrap_or(usual))
}

/// A refusal of what a key says; the key has been asked for before, so it is there.
fn refused(keys: &mut Keys<'_>, key: &str) -> ImportError {
    match keys.node(key) {
        Some(node) => keys.uncounted(key, node),
        None => ImportError::Missing { key: keys.full(key), expected: "a word" },
    }
}
