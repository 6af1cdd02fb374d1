//! Families of models by their public parameter counts, and every one of them laid on a wafer.
//!
//! Counts are those of the released checkpoints; a configuration holds what its file says and the family does not
//! assume.

use waferscope::compiler::{Job, Mapping, Work, compile};
use waferscope::hardware::DefectMap;
use waferscope::scenario::file::device;
use waferscope::sim::Engine;
use waferscope::workload::{Graph, OpKind, Reach, Unit, builtin, import};

use std::sync::Arc;

/// Name, configuration, parameters.
const RELEASED: &[(&str, &str, u64)] = &[
    (
        "Llama 2 13B",
        r#""model_type": "llama", "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40,
        "num_attention_heads": 40, "num_key_value_heads": 40, "vocab_size": 32000"#,
        13_015_864_320,
    ),
    (
        "Qwen2.5 7B",
        r#""model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064"#,
        7_615_616_512,
    ),
    (
        "Qwen3 8B",
        r#""model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936"#,
        8_190_735_360,
    ),
    (
        "Qwen3 0.6B",
        r#""model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "tie_word_embeddings": true"#,
        596_049_920,
    ),
    (
        "Qwen3 30B-A3B",
        r#""model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 768, "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
        "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "vocab_size": 151936"#,
        30_532_122_624,
    ),
    (
        "Mixtral 8x7B",
        r#""model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
        "num_experts_per_tok": 2, "vocab_size": 32000"#,
        46_702_792_704,
    ),
    (
        "GPT-OSS 20B",
        r#""model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 24,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "num_local_experts": 32,
        "experts_per_token": 4, "num_experts_per_tok": 4, "sliding_window": 128, "vocab_size": 201088"#,
        20_914_757_184,
    ),
    // Without the layer that predicts a second token and without the router's offsets, which training does not touch.
    (
        "DeepSeek-V3",
        r#""model_type": "deepseek_v3", "n_shared_experts": 1, "moe_layer_freq": 1,
        "num_nextn_predict_layers": 1"#,
        671_026_404_352,
    ),
    (
        "DeepSeek-V2 Lite",
        r#""model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "num_hidden_layers": 27, "num_attention_heads": 16, "q_lora_rank": null,
        "kv_lora_rank": 512, "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
        "first_k_dense_replace": 1, "vocab_size": 102400"#,
        15_706_484_224,
    ),
    (
        "Gemma 2B",
        r#""model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18,
        "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 256000"#,
        2_506_172_416,
    ),
    (
        "Gemma 2 27B",
        r#""model_type": "gemma2", "hidden_size": 4608, "intermediate_size": 36864,
        "num_hidden_layers": 46, "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
        "vocab_size": 256000, "sliding_window": 4096"#,
        27_227_128_320,
    ),
    (
        "Gemma 3 1B",
        r#""model_type": "gemma3_text", "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26,
        "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144,
        "sliding_window": 512, "sliding_window_pattern": 6"#,
        999_885_952,
    ),
    (
        "Pythia 6.9B",
        r#""model_type": "gpt_neox", "hidden_size": 4096, "intermediate_size": 16384,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 50432"#,
        6_857_302_016,
    ),
    (
        "GPT-J 6B",
        r#""model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28, "vocab_size": 50400"#,
        6_050_882_784,
    ),
    (
        "Falcon 7B",
        r#""model_type": "falcon", "hidden_size": 4544, "num_attention_heads": 71, "num_hidden_layers": 32,
        "multi_query": true, "new_decoder_architecture": false, "parallel_attn": true, "bias": false,
        "vocab_size": 65024"#,
        6_921_720_704,
    ),
    (
        "Falcon 40B",
        r#""model_type": "falcon", "hidden_size": 8192, "num_attention_heads": 128, "num_hidden_layers": 60,
        "num_kv_heads": 8, "new_decoder_architecture": true, "parallel_attn": true, "bias": false,
        "vocab_size": 65024"#,
        41_303_293_952,
    ),
    (
        "BLOOM 176B",
        r#""model_type": "bloom", "n_embed": 14336, "n_head": 112, "n_layer": 70, "vocab_size": 250880"#,
        176_247_271_424,
    ),
    (
        "OPT 350M",
        r#""model_type": "opt", "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "word_embed_proj_dim": 512, "do_layer_norm_before": false, "vocab_size": 50272"#,
        331_196_416,
    ),
    (
        "BERT large",
        r#""model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_size": 1024,
        "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16"#,
        335_174_458,
    ),
    (
        "RoBERTa base",
        r#""model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "vocab_size": 50265,
        "max_position_embeddings": 514, "type_vocab_size": 1"#,
        124_697_433,
    ),
    (
        "XLM-RoBERTa base",
        r#""model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"],
        "vocab_size": 250002, "max_position_embeddings": 514, "type_vocab_size": 1"#,
        278_295_186,
    ),
    (
        "Mamba 130M",
        r#""model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 24, "state_size": 16,
        "vocab_size": 50280, "expand": 2, "conv_kernel": 4"#,
        129_135_360,
    ),
    ("Jamba v0.1", r#""model_type": "jamba""#, 51_570_323_328),
];

/// One small configuration for every kind of block that the released ones lack.
const SMALL: &[&str] = &[
    r#""model_type": "openai-gpt""#,
    r#""model_type": "biogpt""#,
    r#""model_type": "xlm""#,
    r#""model_type": "mbart""#,
    r#""model_type": "trocr""#,
    r#""model_type": "roberta-prelayernorm""#,
    r#""model_type": "roformer""#,
    r#""model_type": "xmod", "languages": ["en_XX"]"#,
    r#""model_type": "olmo2", "num_hidden_layers": 2"#,
    r#""model_type": "jetmoe", "num_hidden_layers": 2"#,
    r#""model_type": "afmoe", "num_hidden_layers": 2"#,
    r#""model_type": "axk1", "num_hidden_layers": 2"#,
    r#""model_type": "bamba", "num_hidden_layers": 4, "attn_layer_indices": [2]"#,
    r#""model_type": "qwen3_next", "num_hidden_layers": 4"#,
    r#""model_type": "olmo_hybrid", "num_hidden_layers": 4"#,
    r#""model_type": "kimi_linear", "num_hidden_layers": 4, "model_max_length": 4096"#,
    r#""model_type": "gemma4_text", "num_hidden_layers": 12, "num_kv_shared_layers": 4"#,
    r#""model_type": "mllama", "text_config": {"num_hidden_layers": 5}"#,
    r#""model_type": "diffllama", "num_hidden_layers": 2"#,
    r#""model_type": "falcon", "num_hidden_layers": 2, "parallel_attn": false, "multi_query": false, "bias": true"#,
];

const T5: &str = "model: {name: t5, src_vocab_size: 32001, extra_ids: 100, d_model: 512, d_kv: 64, num_heads: 8,
  d_ff: 2048, encoder_num_hidden_layers: 6, decoder_num_hidden_layers: 6, src_max_position_embeddings: 512,
  tgt_max_position_embeddings: 114, share_embedding_weights: true, share_encoder_decoder_embedding: true}";

const VIT: &str = "model: {name: vision_transformer, num_classes: 1000, hidden_size: 768, num_hidden_layers: 12,
  num_heads: 12, filter_size: 3072, nonlinearity: gelu, image_size: [224, 224], num_channels: 3, patch_size: [16, 16],
  prepend_cls_token: true, use_projection_bias_in_attention: true, use_ffn_bias_in_attention: true,
  use_ffn_bias: true}";

const DIT: &str = "model: {name: dit, hidden_size: 1152, num_hidden_layers: 28, num_heads: 16, filter_size: 4608,
  encoder_nonlinearity: gelu, position_embedding_type: fixed, frequency_embedding_size: 256, num_classes: 1000,
  patch_size: [2, 2], vae: {latent_size: [32, 32], latent_channels: 4}}";

const LLAVA: &str = "model: {name: llava, image_model: {name: ViTModel, hidden_size: 1024, num_hidden_layers: 24,
  num_heads: 16, filter_size: 4096, nonlinearity: quick_gelu, image_size: [336, 336], num_channels: 3,
  patch_size: [14, 14], prepend_cls_token: true, use_embed_proj_bias: false, use_post_embed_layer_norm: true},
  text_model: {name: LlamaModel, vocab_size: 32000, hidden_size: 4096, num_hidden_layers: 32, num_heads: 32,
  filter_size: 11008, max_position_embeddings: 2048, nonlinearity: swiglu, norm_type: rmsnorm},
  projector: {image_model: {input_unit: 1024, layers_units: [4096, 4096], use_bias: true}}}";

fn configuration(keys: &str) -> Graph {
    let text = format!("{{{keys}}}");
    import::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).graph
}

fn zoo(text: &str) -> Graph {
    import::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).graph
}

#[test]
fn released_models_have_their_public_parameter_counts() {
    for (name, keys, parameters) in RELEASED {
        assert_eq!(configuration(keys).parameters(), *parameters, "{name}");
    }
    // Jiang et al. 2024, arXiv:2401.04088: 13 billion of Mixtral's parameters work on a token.
    let mixtral = configuration(r#""model_type": "mixtral""#);
    assert_eq!(mixtral.active_parameters(), 46_702_792_704 - 32 * 6 * 3 * 4096 * 14336);
    // Dosovitskiy et al. 2021; timm's vit_base_patch16_224.
    assert_eq!(zoo(VIT).parameters(), 86_567_656);
    // Raffel et al. 2020: 60 million, here with layer norms that shift as well.
    assert!((zoo(T5).parameters() as f64 / 60.5e6 - 1.0).abs() < 0.01);
    // Peebles & Xie 2023, table 1: 675 million.
    assert!((zoo(DIT).parameters() as f64 / 675e6 - 1.0).abs() < 0.005);
    // Llama 2 7B, CLIP's large vision transformer and the projector between them.
    let sum = 6_738_415_616 + 303_507_456 + (1024 + 4096 + 2) * 4096;
    assert_eq!(zoo(LLAVA).parameters(), sum);
}

#[test]
fn every_model_is_laid_on_a_wafer_and_runs() {
    let device = device::builtin("wse3").unwrap();
    let defects = DefectMap::none(&device);
    let released = RELEASED.iter().map(|(_, keys, _)| configuration(keys));
    let small = SMALL.iter().map(|keys| configuration(keys));
    let pictures = [T5, VIT, DIT, LLAVA].map(zoo);
    let graphs = builtin::ALL.iter().map(|model| model.graph()).chain(released).chain(small).chain(pictures);
    for mut graph in graphs {
        graph.sequence = graph.sequence.min(2048);
        for work in [Work::Forward, Work::Train] {
            let job = Job { mapping: Mapping::Streaming, work, batch: 4, sequence: graph.sequence, systems: 1 };
            let program = compile(&graph, &device, &defects, &job, &[]);
            assert!(!program.regions.is_empty(), "{}", graph.name);
            let valid = program.is_valid();
            let engine = Engine::new(Arc::new(program));
            assert_eq!(engine.is_ok(), valid, "{}", graph.name);
            if let Ok(mut engine) = engine {
                engine.run_to_end();
            }
        }
    }
}

#[test]
fn blocks_of_a_family_see_what_its_configuration_says() {
    let reach = |graph: &Graph, block| {
        let score = graph.op(graph.find(Some(block), "attn.score").unwrap());
        let OpKind::Attention { reach, .. } = score.kind else { panic!("{} is no attention", score.name) };
        reach
    };
    let gemma = configuration(r#""model_type": "gemma2", "num_hidden_layers": 4, "sliding_window": 100"#);
    let seen: Vec<_> = (0..4).map(|block| reach(&gemma, block)).collect();
    let (near, all) = (Reach::Window(100), Reach::Sequence);
    assert_eq!(seen, [near, all, near, all]);
    let named = configuration(
        r#""model_type": "gemma2", "num_hidden_layers": 2, "sliding_window": 100,
        "layer_types": ["full_attention", "sliding_attention"]"#,
    );
    assert_eq!([reach(&named, 0), reach(&named, 1)], [all, near]);
    let mistral = configuration(r#""model_type": "mistral", "sliding_window": null"#);
    assert_eq!(reach(&mistral, 31), all);
    let qwen = r#""model_type": "qwen2", "num_hidden_layers": 4, "sliding_window": 100, "max_window_layers": 3"#;
    assert_eq!(reach(&configuration(qwen), 3), all);
    let qwen = configuration(&format!("{qwen}, \"use_sliding_window\": true"));
    assert_eq!([reach(&qwen, 2), reach(&qwen, 3)], [all, near]);
}

#[test]
fn models_of_pictures_count_by_the_sample() {
    let vit = zoo(VIT);
    assert_eq!((vit.unit, vit.sequence), (Unit::Sample, 1));
    // 17.6 billion multiply-adds for one picture (Dosovitskiy et al. 2021; timm).
    let flops = vit.forward_flops_per_token() as f64;
    assert!((flops / (2.0 * 17.56e9) - 1.0).abs() < 0.02, "{flops}");
}

#[test]
fn a_decoder_alone_and_what_is_left_out_are_said() {
    let warns = |keys: &str, part: &str| {
        let graph = configuration(keys);
        assert!(graph.warnings.iter().any(|warning| warning.contains(part)), "{:?} lack {part}", graph.warnings);
    };
    warns(r#""model_type": "mbart""#, "MBartForCausalLM, the decoder alone");
    warns(r#""model_type": "mixtral""#, "num_local_experts: missing, taken as 8, the default of mixtral");
    warns(r#""model_type": "deepseek_v3", "num_nextn_predict_layers": 1"#, "further tokens are not counted");
    warns(r#""model_type": "falcon""#, "vocab_size: missing, taken as 65024");
    let refused = |keys: &str, part: &str| {
        let sentence = import::read(format!("{{{keys}}}").as_bytes()).map(|read| read.parameters()).unwrap_err();
        assert!(sentence.to_string().contains(part), "{sentence} lacks {part}");
    };
    refused(r#""model_type": "deepseek_v3", "moe_layer_freq": 2"#, "moe_layer_freq");
    refused(r#""model_type": "mixtral", "num_local_experts": 1000000000"#, "at most 65536, found 1000000000");
    refused(r#""model_type": "mixtral", "num_hidden_layers": 1000000000"#, "at most 10000");
    refused(r#""model_type": "mixtral", "num_experts_per_tok": 9"#, "chosen experts");
    refused(r#""model_type": "gemma2", "layer_types": ["full_attention"]"#, "a list of 26 words");
    refused(r#""model_type": "minimax_m3_vl_text", "num_hidden_layers": 1, "layer_types": ["sparse"]"#, "layer_types");
    let picture = |from: &str, to: &str| {
        let sentence = import::read(VIT.replacen(from, to, 1).as_bytes()).map(|read| read.parameters()).unwrap_err();
        sentence.to_string()
    };
    assert!(picture("[16, 16]", "[16777216, 16777216]").contains("patch: expected"));
    assert!(picture("[16, 16]", "[1000, 1000]").contains("patches of a picture: expected"));
    assert!(picture("[224, 224]", "[16777216, 16777216]").contains("patches of a picture"));
    refused(r#""model_type": "llama", "lora_rank": 8"#, "lora_rank");
    refused(r#""model_type": "longcat_flash""#, "\"longcat_flash\" is a family that Waferscope does not read yet");
}
