//! Hugging Face `config.json`, by `model_type`.
//!
//! What is counted is the family's causal-language-model class of the transformers library; for a family with encoder
//! and decoder that is the decoder alone. Keys and defaults are those of its public configuration classes; a key that
//! is not there takes the default, with a warning.

mod bert;
mod decoder;
mod dense;
mod experts;
mod gemma;
mod gpt;
mod hybrid;
mod mixtures;
mod odd;
mod seeing;
mod seq2seq;

use super::ImportError;
use super::keys::Keys;
use super::value::{Mapping, Value, shortened};
use crate::units::format::parameters;
use crate::workload::transformer::TransformerShape;

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
    let mut shape = by_family(&mut keys, family)?;
    keys.ignore(COMMON);
    common_refusals(&mut keys)?;
    architectures(&mut keys, &shape.class);
    family.clone_into(&mut shape.family);
    shape.warnings = keys.finish()?;
    let size = shape.graph()?.parameters();
    shape.name = given_name(map).unwrap_or_else(|| format!("{family} {}", parameters(size)));
    Ok(shape)
}

/// The reader of a family, by its name.
fn by_family(keys: &mut Keys<'_>, family: &str) -> Result<TransformerShape, ImportError> {
    let mut decoders = dense::FAMILIES.iter().chain(mixtures::FAMILIES);
    if let Some(decoder) = decoders.find(|decoder| decoder.name == family) {
        return decoder::read(keys, decoder);
    }
    match family {
        "gpt2" | "gpt-sw3" => gpt::gpt2(keys),
        "openai-gpt" => gpt::openai(keys),
        "gptj" => gpt::gptj(keys),
        "gpt_neox" => gpt::neox(keys),
        "bloom" => gpt::bloom(keys),
        "falcon" => gpt::falcon(keys),
        "opt" => gpt::opt(keys),
        "biogpt" => gpt::biogpt(keys),
        "xlm" => bert::xlm(keys),
        "blenderbot" => seq2seq::read(keys, &seq2seq::BLENDERBOT),
        "mbart" => seq2seq::read(keys, &seq2seq::MBART),
        "trocr" => seq2seq::read(keys, &seq2seq::TROCR),
        "mamba" => hybrid::mamba(keys, "MambaForCausalLM"),
        "falcon_mamba" => hybrid::mamba(keys, "FalconMambaForCausalLM"),
        "bamba" => hybrid::bamba(keys),
        "jamba" => hybrid::jamba(keys),
        "qwen3_next" => hybrid::qwen3_next(keys),
        "qwen3_5_moe" | "qwen3_5_moe_text" => hybrid::qwen3_5_moe(keys),
        "mllama" => seeing::mllama(keys),
        "gemma4_text" => gemma::gemma4(keys),
        "olmo_hybrid" => hybrid::olmo_hybrid(keys),
        "kimi_linear" => hybrid::kimi_linear(keys),
        "axk1" => odd::axk1(keys),
        "hyperclovax" => odd::hyperclovax(keys),
        "jetmoe" => odd::jetmoe(keys),
        _ => match bert::FAMILIES.iter().find(|bert| bert.name == family) {
            Some(bert) => bert::read(keys, bert),
            None => Err(ImportError::UnsupportedFamily { family: shortened(family) }),
        },
    }
}

/// Reads the text model of a family that may have an image model beside it; that one is left out, with a warning.
fn text_model(
    keys: &mut Keys<'_>,
    read: impl Fn(&mut Keys<'_>) -> Result<TransformerShape, ImportError>,
) -> Result<TransformerShape, ImportError> {
    let Some(node) = keys.node("text_config") else { return read(keys) };
    let Value::Map(map) = &node.value else { return Err(keys.wrong("text_config", node, "a mapping")) };
    let mut text = Keys::new(map, "text_config.", keys.family());
    let shape = read(&mut text)?;
    text.ignore(COMMON);
    text.ignore(&["architectures", "dropout"]);
    common_refusals(&mut text)?;
    keys.warnings.extend(text.finish()?);
    keys.left_out("vision_config", "the image model is not counted, only the text model");
    keys.ignore(&["image_token_id", "image_token_index", "tie_word_embeddings", "video_token_id"]);
    keys.ignore(&["vision_end_token_id", "vision_start_token_id"]);
    Ok(shape)
}

/// One of a few words for each layer, if the file lists them.
fn layer_words<'a>(
    keys: &mut Keys<'a>,
    key: &str,
    layers: u64,
    words: &[&str],
) -> Result<Option<Vec<&'a str>>, ImportError> {
    let Some(node) = keys.node(key).filter(|node| node.value != Value::Null) else { return Ok(None) };
    let Value::List(list) = &node.value else { return Err(keys.wrong(key, node, "a list")) };
    if list.len() as u64 != layers {
        return Err(keys.wrong(key, node, &format!("a list of {layers} words, one for each layer")));
    }
    let word = |entry: &'a super::value::Node| match &entry.value {
        Value::Text(word) if words.contains(&word.as_str()) => Ok(word.as_str()),
        _ => Err(keys.uncounted(key, entry)),
    };
    list.iter().map(word).collect::<Result<_, _>>().map(Some)
}

/// The model's own name, if the file has kept it.
fn given_name(map: &Mapping) -> Option<String> {
    let Value::Text(path) = &map.get("_name_or_path")?.value else { return None };
    let name = path.trim_end_matches('/').rsplit('/').next()?.trim();
    if name.is_empty() || name == "." { None } else { Some(shortened(name)) }
}

/// What changes the count of any family and is not counted.
fn common_refusals(keys: &mut Keys<'_>) -> Result<(), ImportError> {
    for key in ["add_cross_attention", "pruned_heads"] {
        keys.only(key, false)?;
    }
    keys.ignore(&["is_encoder_decoder"]);
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
