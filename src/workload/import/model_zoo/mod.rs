//! Parameter files of the Cerebras model zoo: the `trainer:` layout of release 2.3 on, and the flat `model:` layout
//! before it.
//!
//! GPT-like families share one decoder whose parts the file switches on and off; encoders, models of two networks and
//! models of pictures have readers of their own. Sizes must be given; a switch that is not there takes the family's
//! usual setting, with a warning.

mod decoder;
mod encoder;
mod layout;
mod picture;
mod seq2seq;

use super::ImportError;
use super::keys::Keys;
use super::value::{Mapping, Value};
use crate::units::format::parameters;
use crate::workload::transformer::{BATCH_MAX, TransformerShape, WIDTH_MAX};

use layout::{Layout, as_map};

/// Keys of the model section that change neither shape nor cost.
const IGNORED: &[&str] = &[
    "attention_dropout_rate",
    "attention_kernel",
    "attention_logit_softcapping",
    "attention_logits_alpha",
    "attention_softmax_fp32",
    "attention_type",
    "boundary_casting",
    "compute_eval_metrics",
    "dropout_rate",
    "dropout_seed",
    "embd_pdrop",
    "embedding_dropout_rate",
    "embedding_initializer",
    "embeddings_scale",
    "enable_vts",
    "final_logit_softcapping",
    "fp16_type",
    "initializer",
    "initializer_range",
    "freeze",
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
    "relu_dropout_rate",
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

/// Reads the top mapping of a file.
pub(super) fn read(top: &Mapping) -> Result<TransformerShape, ImportError> {
    let layout = Layout::find(top)?;
    let (family, guess) = layout.family()?;
    let mut keys = Keys::new(layout.model, layout.model_place, &family);
    keys.warnings.extend(layout.warnings.iter().cloned());
    keys.warnings.extend(guess);
    let mut shape = match family.as_str() {
        "gpt2" | "gpt3" | "starcoder" => decoder::read(&mut keys, &decoder::GPT),
        "jais" => decoder::read(&mut keys, &decoder::JAIS),
        "gptj" => decoder::read(&mut keys, &decoder::GPTJ),
        "falcon" => decoder::read(&mut keys, &decoder::FALCON),
        "llama" | "mistral" => decoder::read(&mut keys, &decoder::LLAMA),
        "mixtral" => decoder::read(&mut keys, &decoder::MIXTRAL),
        "gemma2" => decoder::read(&mut keys, &decoder::GEMMA),
        "bert" => encoder::bert(&mut keys),
        "bert/classifier" => encoder::classifier(&mut keys),
        "bert/token_classifier" => encoder::token_classifier(&mut keys),
        "bert/extractive_summarization" => encoder::summarization(&mut keys),
        "esm2" => encoder::esm2(&mut keys),
        "t5" => seq2seq::read(&mut keys, &seq2seq::T5),
        "transformer" => seq2seq::read(&mut keys, &seq2seq::TRANSFORMER),
        "vision_transformer" => picture::classifier(&mut keys),
        "dino" => picture::dino(&mut keys),
        "dit" => picture::dit(&mut keys),
        "llava" => picture::llava(&mut keys),
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
    let Some(tables) = &shape.tables else { return Ok(()) };
    if let Some(sequence) = data.size_if_given("max_sequence_length", WIDTH_MAX)? {
        if tables.positions > 0 && sequence > tables.positions {
            let expected = format!("at most the {} positions of the model", tables.positions);
            let (key, found) = (data.full("max_sequence_length"), sequence.to_string());
            return Err(ImportError::Value { line: None, key, expected, found });
        }
        shape.sequence = sequence;
    }
    let masked = shape.head.scores.as_ref().is_some_and(|scores| scores.transform.is_some());
    if masked && data.size_if_given("max_predictions_per_seq", WIDTH_MAX)?.is_some() {
        let key = data.full("max_predictions_per_seq");
        keys.warnings.push(format!("{key}: the work of the masked-language-model head is counted for every token"));
    }
    Ok(())
}

/// The hidden size divided among the heads.
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

/// Whether a pointwise function, as the key names it, multiplies two halves.
fn gated(keys: &mut Keys<'_>, key: &str, usual: &str) -> Result<bool, ImportError> {
    let word = keys.text(key)?;
    if word.is_none() {
        keys.assumed(key, usual);
    }
    match word.unwrap_or(usual) {
        word if GATED.contains(&word) => Ok(true),
        word if POINTWISE.contains(&word) => Ok(false),
        _ => Err(refused(keys, key)),
    }
}

/// A mapping under a key, as questions of its own.
fn nested<'a>(keys: &mut Keys<'a>, key: &str, family: &str) -> Result<Keys<'a>, ImportError> {
    let missing = ImportError::Missing { key: keys.full(key), expected: "a mapping" };
    let node = keys.node(key).ok_or(missing)?;
    let map = as_map(node).ok_or_else(|| keys.wrong(key, node, "a mapping"))?;
    Ok(Keys::new(map, &keys.full(&format!("{key}.")), family))
}

/// Two whole numbers, height and width, or one for both.
fn pair(keys: &mut Keys<'_>, key: &str) -> Result<[u64; 2], ImportError> {
    let missing = ImportError::Missing { key: keys.full(key), expected: "two positive whole numbers" };
    let node = keys.node(key).ok_or(missing)?;
    let whole = |value: &Value| match value {
        Value::Integer(number) if (1..=i128::from(WIDTH_MAX)).contains(number) => Some(*number as u64),
        _ => None,
    };
    let found = match &node.value {
        Value::List(list) => match list.as_slice() {
            [height, width] => whole(&height.value).zip(whole(&width.value)).map(|(height, width)| [height, width]),
            _ => None,
        },
        single => whole(single).map(|side| [side, side]),
    };
    found.ok_or_else(|| keys.wrong(key, node, "two positive whole numbers"))
}

/// A refusal of what a key says; the key has been asked for before, so it is there.
fn refused(keys: &mut Keys<'_>, key: &str) -> ImportError {
    match keys.node(key) {
        Some(node) => keys.uncounted(key, node),
        None => ImportError::Missing { key: keys.full(key), expected: "a word" },
    }
}
