//! Readers on inputs written here: both formats, every switch that changes a count, and hostile bytes.

use super::*;
use crate::workload::{OpKind, Reach};

/// GPT-2 small in the trainer layout, with anchors as the real files have them.
const GPT_YAML: &str = "\
# A comment.
trainer:
  init:
    model:
      name: \"gpt3\"
      vocab_size: 50257
      hidden_size: 768
      position_embedding_type: learned
      share_embedding_weights: true
      max_position_embeddings: 1024
      num_hidden_layers: 12
      num_heads: 12
      use_projection_bias_in_attention: true
      use_ffn_bias_in_attention: true
      filter_size: 3072
      nonlinearity: gelu
      use_ffn_bias: true
      use_bias_in_output: false
      initializer: {name: truncated_normal, std: 0.02}
  fit:
    train_dataloader:
      batch_size: 32
      max_sequence_length: 512
    val_dataloader: &val_dataloader
      batch_size: 8
  validate:
    val_dataloader: *val_dataloader
";

/// Llama 3 8B in the trainer layout.
const LLAMA_YAML: &str = "\
trainer:
  init:
    model:
      name: llama
      attention_module: multiquery_attention
      extra_attention_params:
        num_kv_groups: 8
      filter_size: 14336
      hidden_size: 4096
      max_position_embeddings: 8192
      nonlinearity: swiglu
      norm_type: rmsnorm
      num_heads: 32
      num_hidden_layers: 32
      position_embedding_type: rotary
      share_embedding_weights: false
      use_bias_in_output: false
      use_ffn_bias: false
      use_ffn_bias_in_attention: false
      use_projection_bias_in_attention: false
      vocab_size: 128256
";

/// BERT base in the flat layout.
const BERT_YAML: &str = "\
train_input:
  batch_size: 256
  max_sequence_length: 128
model:
  name: bert
  vocab_size: 30522
  hidden_size: 768
  num_hidden_layers: 12
  num_heads: 12
  filter_size: 3072
  encoder_nonlinearity: gelu
  max_position_embeddings: 512
  mlm_loss_weight: 0.058
";

const GPT2_JSON: &str = r#"{"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
 "n_inner": null, "vocab_size": 50257}"#;

const LLAMA_JSON: &str = r#"{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
 "max_position_embeddings": 8192, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
 "vocab_size": 128256}"#;

fn model(text: &str) -> Imported {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The one sentence of a refusal, which holds all `parts`.
fn refusal(bytes: &[u8], parts: &[&str]) -> String {
    let sentence = read(bytes).map(|read| read.parameters()).expect_err("must be refused").to_string();
    assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence:?} lacks one of {parts:?}");
    assert!(!sentence.contains('\n') && sentence.chars().count() < 200, "{sentence:?} is no short sentence");
    sentence
}

/// The parameters after replacing `from` by `to`, and the warnings.
fn changed(text: &str, from: &str, to: &str) -> (u64, Vec<String>) {
    assert!(text.contains(from), "{from} is not in the text");
    let imported = model(&text.replacen(from, to, 1));
    (imported.parameters(), imported.graph.warnings)
}

#[test]
fn both_layouts_and_both_formats_give_the_published_sizes() {
    for (text, format, family, parameters, sequence, batch) in [
        (GPT_YAML, Format::ModelZoo, "gpt3", 124_439_808, 512, Some(32)),
        (LLAMA_YAML, Format::ModelZoo, "llama", 8_030_261_248, 8192, None),
        (BERT_YAML, Format::ModelZoo, "bert", 110_106_428, 128, Some(256)),
        (GPT2_JSON, Format::HuggingFace, "gpt2", 124_439_808, 1024, None),
        (LLAMA_JSON, Format::HuggingFace, "llama", 8_030_261_248, 8192, None),
    ] {
        let imported = model(text);
        let found = (imported.format, imported.family(), imported.parameters());
        assert_eq!(found, (format, family, parameters));
        assert_eq!((imported.graph.sequence, imported.graph.batch), (sequence, batch), "{family}");
        assert_eq!(imported.warnings(), Vec::<String>::new(), "{family}");
    }
    // Two files of one model are one graph, operator by operator.
    assert_eq!(model(LLAMA_YAML).graph.ops, model(LLAMA_JSON).graph.ops);
    let flat = GPT_YAML.replace("trainer:\n  init:\n    model:", "model:").replace("\n      ", "\n  ");
    let flat = flat.split("  fit:").next().unwrap();
    assert_eq!(model(flat).parameters(), 124_439_808);
}

#[test]
fn every_switch_of_the_zoo_changes_the_count_by_what_it_owns() {
    let (h, f, v, layers) = (768, 3072, 50257, 12);
    let base = model(GPT_YAML).parameters();
    for (from, to, more) in [
        ("share_embedding_weights: true", "share_embedding_weights: false", v * h),
        ("use_bias_in_output: false", "use_bias_in_output: true", v),
        ("nonlinearity: gelu", "nonlinearity: swiglu", layers * (h * f + f)),
        ("use_ffn_bias: true", "use_ffn_bias: true\n      embedding_layer_norm: true", 2 * h),
    ] {
        assert_eq!(changed(GPT_YAML, from, to).0, base + more, "{to}");
    }
    for (from, to, less) in [
        ("position_embedding_type: learned", "position_embedding_type: alibi", 1024 * h),
        ("use_projection_bias_in_attention: true", "use_projection_bias_in_attention: false", layers * 3 * h),
        ("use_ffn_bias_in_attention: true", "use_ffn_bias_in_attention: false", layers * h),
        ("use_ffn_bias: true", "use_ffn_bias: false", layers * (h + f)),
        ("use_ffn_bias: true", "use_ffn_bias: true\n      norm_type: rmsnorm", (2 * layers + 1) * h),
        (
            "num_heads: 12",
            "num_heads: 12\n      attention_module: multiquery_attention\n      extra_attention_params: {num_kv_groups: 4}",
            layers * 2 * (h + 1) * (h - 256),
        ),
    ] {
        assert_eq!(changed(GPT_YAML, from, to).0, base - less, "{to}");
    }
}

#[test]
fn hugging_face_switches_change_the_count_by_what_they_own() {
    let (h, f, layers) = (4096, 14336, 32);
    let base = model(LLAMA_JSON).parameters();
    let with = |extra: &str| changed(LLAMA_JSON, "\"vocab_size\"", &format!("{extra}, \"vocab_size\"")).0;
    assert_eq!(with("\"tie_word_embeddings\": true"), base - 128_256 * h);
    assert_eq!(with("\"attention_bias\": true"), base + layers * (4096 + 2 * 1024 + h));
    assert_eq!(with("\"mlp_bias\": true"), base + layers * (2 * f + h));
    assert_eq!(with("\"head_dim\": 64"), base - layers * h * 64 * (32 + 8 + 8 + 32));
    let pretraining = r#"{"model_type": "bert", "architectures": ["BertForPreTraining"]}"#;
    assert_eq!(model(pretraining).parameters(), 110_106_428);
    assert_eq!(model(r#"{"model_type": "bert"}"#).parameters(), 109_514_298);
}

#[test]
fn defaults_of_the_families_have_the_sizes_of_their_releases() {
    for (family, parameters) in [
        ("gpt2", 124_439_808),
        ("llama", 6_738_415_616),
        ("mistral", 7_241_732_096),
        ("opt", 125_239_296),
        ("phi3", 3_821_079_552),
        ("gemma", 8_537_680_896),
    ] {
        let imported = model(&format!("{{\"model_type\": \"{family}\"}}"));
        assert_eq!(imported.parameters(), parameters, "{family}");
        assert!(imported.warnings().iter().any(|warning| warning.starts_with("vocab_size: missing")), "{family}");
    }
    let qwen2_7b = r#"{"model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 32768}"#;
    assert_eq!(model(qwen2_7b).parameters(), 7_615_616_512);
}

#[test]
fn attention_keeps_its_heads_and_a_gated_block_its_two_halves() {
    let graph = model(LLAMA_YAML).graph;
    let kind = |name| graph.op(graph.find(Some(31), name).unwrap()).kind;
    assert_eq!(
        kind("attn.score"),
        OpKind::Attention { heads: 32, kv_heads: 8, head_dim: 128, value_dim: 128, reach: Reach::Sequence }
    );
    assert_eq!(kind("attn.qkv"), OpKind::MatMul { k: 4096, n: 6144 });
    assert_eq!(kind("mlp.up"), OpKind::MatMul { k: 4096, n: 2 * 14336 });
    assert!(graph.causal);
    assert!(!model(BERT_YAML).graph.causal);
}

#[test]
fn what_is_missing_or_unknown_is_a_warning_with_its_key() {
    for (text, from, to, key) in [
        (GPT_YAML, "use_ffn_bias: true", "frobnicate: 3", "trainer.init.model.frobnicate: not understood"),
        (GPT_YAML, "use_ffn_bias: true", "", "trainer.init.model.use_ffn_bias: missing, taken as true"),
        (GPT_YAML, "name: \"gpt3\"", "", "trainer.init.model.name: missing, taken as gpt3"),
        (LLAMA_YAML, "name: llama", "", "trainer.init.model.name: missing, taken as llama"),
        (BERT_YAML, "name: bert", "", "model.name: missing, taken as bert"),
        (
            GPT_YAML,
            "    model:",
            "    sparsity: {sparsity: 0.75}\n    model:",
            "trainer.init.sparsity: all weights are counted",
        ),
        (GPT2_JSON, "\"n_embd\": 768,", "", "n_embd: missing, taken as 768, the default of gpt2"),
        (
            GPT2_JSON,
            "\"n_embd\"",
            "\"answer\": NaN, \"n_embd\"",
            "answer: not understood and passed over, found \"NaN\"",
        ),
        (LLAMA_JSON, "\"num_key", "\"quantization_config\": {\"bits\": 4}, \"num_key", "quantization_config"),
        (LLAMA_JSON, "\"num_key", "\"architectures\": [\"LlamaForTokenClassification\"], \"num_key", "architectures"),
    ] {
        let (parameters, warnings) = changed(text, from, to);
        assert!(warnings.iter().any(|warning| warning.contains(key)), "{warnings:?} lack {key}");
        assert_eq!(parameters, model(text).parameters(), "{key}");
    }
}

#[test]
fn what_would_make_a_count_wrong_is_refused_with_its_key() {
    let yaml = |to: &str| GPT_YAML.replacen("use_ffn_bias: true", to, 1);
    refusal(yaml("moe: {num_experts: 8}").as_bytes(), &["moe.top_k", "found nothing"]);
    refusal(yaml("moe: {num_experts: 8, top_k: 2, expert_adapter: 4}").as_bytes(), &["line 17", "moe.expert_adapter"]);
    refusal(yaml("norm_first: false").as_bytes(), &["norm_first", "found false"]);
    refusal(yaml("some_lora_rank: 8").as_bytes(), &["some_lora_rank", "found 8"]);
    refusal(yaml("attention_module: quantum").as_bytes(), &["attention_module", "\"quantum\""]);
    refusal(yaml("attention_module: multiquery_attention").as_bytes(), &["num_kv_groups"]);
    let json = |to: &str| LLAMA_JSON.replacen("\"vocab_size\"", &format!("{to}, \"vocab_size\""), 1);
    refusal(json("\"num_local_experts\": 8").as_bytes(), &["num_local_experts", "found 8", "llama"]);
    refusal(json("\"vision_config\": {\"depth\": 2}").as_bytes(), &["vision_config"]);
    refusal(json("\"attention_bias\": true").replace("llama", "mistral").as_bytes(), &["attention_bias", "mistral"]);
    refusal(br#"{"model_type": "gpt2", "add_cross_attention": true}"#, &["add_cross_attention"]);
    // Said to be off, it changes nothing.
    assert_eq!(model(&json("\"num_local_experts\": null")).warnings(), Vec::<String>::new());
}

#[test]
fn families_without_a_reader_are_refused_by_name() {
    for (text, family) in [
        (r#"{"model_type": "rwkv"}"#, "\"rwkv\""),
        ("trainer: {init: {model: {name: sdxl}}}", "\"sdxl\""),
        ("model: {name: bert/regression}", "\"bert/regression\""),
    ] {
        let sentence = refusal(text.as_bytes(), &[family]);
        assert!(sentence.ends_with("is a family that Waferscope does not read yet"), "{sentence}");
    }
}

#[test]
fn wrong_values_name_line_key_expectation_and_finding() {
    for (to, parts) in [
        ("hidden_size: 5k", ["line 7: ", "hidden_size: expected a positive whole number, found \"5k\""]),
        ("hidden_size: -768", ["line 7", "found -768"]),
        ("hidden_size: 0", ["line 7", "found 0"]),
        ("hidden_size: .nan", ["line 7", "found NaN"]),
        ("hidden_size: 768.0", ["line 7", "found 768.0"]),
        ("hidden_size: [768]", ["line 7", "found a list"]),
        ("hidden_size: 99999999999999999999999", ["at most 16777216", "found 99999999999999999999999"]),
        ("hidden_size: 770", ["num_heads", "770"]),
        ("", ["hidden_size", "expected a positive whole number, found nothing"]),
    ] {
        refusal(GPT_YAML.replacen("hidden_size: 768", to, 1).as_bytes(), &parts);
    }
    for (from, to, parts) in [
        ("num_hidden_layers: 12", "num_hidden_layers: 1000000000", ["at most 10000", "found 1000000000"]),
        ("batch_size: 32", "batch_size: -1", ["train_dataloader.batch_size", "found -1"]),
        ("max_sequence_length: 512", "max_sequence_length: 4096", ["at most the 1024 positions", "4096"]),
        ("share_embedding_weights: true", "share_embedding_weights: maybe", ["true or false", "\"maybe\""]),
        ("use_ffn_bias: true", "vocab_size: 1", ["vocab_size: expected once", "line 17"]),
    ] {
        refusal(GPT_YAML.replacen(from, to, 1).as_bytes(), &parts);
    }
    refusal(GPT2_JSON.replace("768", "NaN").as_bytes(), &["n_embd", "found \"NaN\""]);
    refusal(GPT2_JSON.replace("768", "1e999").as_bytes(), &["JSON", "number out of range"]);
    refusal(GPT2_JSON.replace("\"n_head\"", "\"n_embd\"").as_bytes(), &["n_embd: expected once"]);
    refusal(br#"{"model_type": 7}"#, &["model_type", "found 7"]);
}

#[test]
fn files_that_are_no_model_are_refused_in_one_sentence() {
    refusal(b"", &["empty"]);
    refusal(b" \n\t\n", &["empty"]);
    refusal(b"# only a comment\n", &["empty"]);
    refusal(b"\x7fELF\x02\x01\x01\0", &["binary"]);
    refusal(b"\xff\xfe\0{", &["binary"]);
    refusal(b"[1, 2]", &["found a list"]);
    refusal(b"just words", &["found \"just words\""]);
    refusal(b"- a\n- b\n", &["found a list"]);
    refusal(b"{}", &["model_type", "found no key"]);
    refusal(b"{\"weights\": 1}", &["found \"weights\""]);
    refusal(b"trainer:\n", &["trainer", "found nothing"]);
    refusal(b"trainer: {init: {}}\n", &["trainer.init.model"]);
    refusal(b"a: b\n---\nc: d\n", &["second document"]);
    refusal(b"a: &x [*x]\n", &["inside what it names"]);
    refusal(b"a: *nowhere\n", &["line 1"]);
    refusal(b"? [a, b]\n: c\n", &["key", "found a list"]);
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let deep_flow = |open: &str, count: usize| format!("a: {}", open.repeat(count));
    for open in ["[", "{a: ", "- ", "? "] {
        refusal(deep_flow(open, 100_000).as_bytes(), &[]);
        refusal(open.repeat(100_000).as_bytes(), &[]);
    }
    refusal("{\"a\":".repeat(100_000).as_bytes(), &["64 deep"]);
    refusal(format!("{{\"a\":{}", "[".repeat(1_000)).as_bytes(), &["64 deep"]);
    let indented: Vec<_> = (0..2_000).map(|level| format!("{}k:\n", " ".repeat(level))).collect();
    refusal(indented.concat().as_bytes(), &["64 deep"]);
    // Nine lists of nine aliases each would be a billion values.
    let mut bomb = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned()];
    for level in 1..9 {
        let inside = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push(format!("a{level}: &a{level} [{inside}]\n"));
    }
    refusal(bomb.concat().as_bytes(), &["200 000 values"]);
    // Aliases may not add up to a depth either.
    let mut ladder = vec!["a0: &a0 [x]\n".to_owned()];
    for level in 1..80 {
        ladder.push(format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    refusal(ladder.concat().as_bytes(), &["64 deep"]);
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 16), "*a, ".repeat(1_000));
    refusal(text.as_bytes(), &["200 000 values"]);
    refusal("- a\n".repeat(300_000).as_bytes(), &["200 000 values"]);
    refusal(format!("{{\"a\": [{}0]}}", "0,".repeat(300_000)).as_bytes(), &["200 000 values"]);
}

#[test]
fn a_hundred_megabytes_of_nesting_are_refused_by_size() {
    refusal(&vec![b'['; 100 << 20], &["16 MiB", "104857600 bytes"]);
    refusal("a:\n ".repeat(25 << 20).as_bytes(), &["16 MiB"]);
    // Just below the limit the parsers themselves must cope.
    for unit in
        ["[", "{\"a\":", "{a: ", "- ", "? ", "a: ", "\n", "\"", "'", "&a ", "!t ", "#", "%", "|", "a\n", ": ", ", "]
    {
        refusal(unit.repeat((BYTES_MAX - 8) / unit.len() / 8).as_bytes(), &[]);
    }
}

#[test]
fn no_prefix_and_no_damaged_byte_makes_a_reader_panic() {
    // Marsaglia's xorshift, so that the damage is the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for text in [GPT_YAML, LLAMA_YAML, BERT_YAML, GPT2_JSON, LLAMA_JSON] {
        for end in 0..text.len() {
            if let Err(error) = read(&text.as_bytes()[..end]) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
        for _ in 0..2_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..3 {
                let place = below(bytes.len());
                bytes[place] = below(256) as u8;
            }
            if let Err(error) = read(&bytes) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}

#[test]
fn merge_keys_and_boolean_words_mean_what_they_mean_to_python() {
    let merged = GPT_YAML.replacen("trainer:", "shared: &shared\n  use_ffn_bias: no\ntrainer:", 1);
    let merged = merged.replacen("use_ffn_bias: true", "<<: *shared", 1);
    let plain = GPT_YAML.replacen("use_ffn_bias: true", "use_ffn_bias: false", 1);
    assert_eq!(model(&merged).parameters(), model(&plain).parameters());
    let text = GPT_YAML.replacen("hidden_size: 768", "hidden_size: \"768\"", 1);
    refusal(text.as_bytes(), &["found \"768\""]);
    let grouped = GPT_YAML.replacen("vocab_size: 50257", "vocab_size: 50_257", 1);
    assert_eq!(model(&grouped).parameters(), 124_439_808);
}
