//! Decoders with experts, in the line of Mixtral, Qwen and DeepSeek. Values are those of the public configuration classes.

use super::decoder::{BiasOf, Extra, Family, LatentDefaults, Norms, Windows};
use super::dense::LLAMA;
use super::experts::{DenseBlocks, ExpertKeys, Shared};
use crate::workload::transformer::{Biases, NormKind, Place, QkNorm};

/// Mixtral's: every block has experts as wide as the feed-forward part, and nothing beside them.
pub(super) const MIXTRAL_KEYS: ExpertKeys = ExpertKeys {
    experts: (&["num_local_experts", "num_experts", "n_routed_experts"], 8),
    chosen: (&["num_experts_per_tok"], 2),
    width: (&["intermediate_size"], 14_336),
    dense_width: (&["intermediate_size"], 14_336),
    shared: Shared::None,
    shared_gate: false,
    dense: DenseBlocks::Never,
    bias: false,
    router_bias: false,
    router_extra: false,
};

/// DeepSeek's: narrow experts, some of them for every token, behind a few dense blocks.
const DEEPSEEK_KEYS: ExpertKeys = ExpertKeys {
    experts: (&["n_routed_experts", "num_local_experts", "num_experts"], 256),
    chosen: (&["num_experts_per_tok"], 8),
    width: (&["moe_intermediate_size"], 2_048),
    dense_width: (&["intermediate_size"], 18_432),
    shared: Shared::Count("n_shared_experts", 1),
    dense: DenseBlocks::First("first_k_dense_replace", 3),
    ..MIXTRAL_KEYS
};

/// Qwen's: narrow experts in every block unless the file says otherwise.
pub(super) const QWEN_KEYS: ExpertKeys = ExpertKeys {
    experts: (&["num_experts", "num_local_experts", "n_routed_experts"], 128),
    chosen: (&["num_experts_per_tok"], 8),
    width: (&["moe_intermediate_size"], 768),
    dense_width: (&["intermediate_size"], 6_144),
    dense: DenseBlocks::Step,
    ..MIXTRAL_KEYS
};

/// Sizes of DeepSeek's latent attention.
const DEEPSEEK_LATENT: LatentDefaults =
    LatentDefaults { query_rank: Some(1_536), kv_rank: 512, plain: 128, rotary: 64, value: 128 };

const HEAD_NORM: Norms = Norms::Always(QkNorm::Head(NormKind::RmsNorm));
const DEEPSEEK_V3: Family = Family {
    name: "deepseek_v3",
    class: "DeepseekV3ForCausalLM",
    vocab: 129_280,
    hidden: 7_168,
    ffn: 18_432,
    layers: 61,
    heads: 128,
    positions: 4_096,
    latent: Some(DEEPSEEK_LATENT),
    attention_bias: Some((BiasOf::All, false)),
    mlp_bias: None,
    experts: Some(&DEEPSEEK_KEYS),
    ..LLAMA
};

/// Decoders with experts in some or all blocks, with grouped or latent attention.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "mixtral",
        class: "MixtralForCausalLM",
        ffn: 14_336,
        kv_heads: Some(8),
        positions: 131_072,
        windows: Windows::All,
        attention_bias: None,
        mlp_bias: None,
        experts: Some(&MIXTRAL_KEYS),
        ..LLAMA
    },
    Family {
        name: "qwen3_moe",
        class: "Qwen3MoeForCausalLM",
        vocab: 151_936,
        hidden: 2_048,
        layers: 24,
        kv_heads: Some(4),
        positions: 32_768,
        qk_norm: HEAD_NORM,
        windows: Windows::From,
        mlp_bias: None,
        experts: Some(&QWEN_KEYS),
        ..LLAMA
    },
    Family {
        name: "qwen2_moe",
        class: "Qwen2MoeForCausalLM",
        vocab: 151_936,
        hidden: 2_048,
        layers: 24,
        heads: 16,
        kv_heads: Some(16),
        positions: 32_768,
        bias: Biases { qkv: true, out: false },
        windows: Windows::From,
        attention_bias: None,
        mlp_bias: None,
        experts: Some(&ExpertKeys {
            experts: (&["num_experts"], 60),
            chosen: (&["num_experts_per_tok"], 4),
            width: (&["moe_intermediate_size"], 1_408),
            dense_width: (&["intermediate_size"], 5_632),
            shared: Shared::Width("shared_expert_intermediate_size", 5_632),
            shared_gate: true,
            ..QWEN_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "flex_olmo",
        class: "FlexOlmoForCausalLM",
        vocab: 100_352,
        positions: 4_096,
        place: Place::Branch,
        qk_norm: Norms::Always(QkNorm::All(NormKind::RmsNorm)),
        mlp_bias: None,
        experts: Some(&ExpertKeys {
            experts: (&["num_experts"], 7),
            chosen: (&["num_experts_per_tok"], 5),
            width: (&["intermediate_size"], 11_008),
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "granitemoeshared",
        class: "GraniteMoeSharedForCausalLM",
        mlp_bias: None,
        experts: Some(&ExpertKeys {
            width: (&["intermediate_size"], 11_008),
            shared: Shared::Width("shared_intermediate_size", 0),
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "gpt_oss",
        class: "GptOssForCausalLM",
        vocab: 201_088,
        hidden: 2_880,
        layers: 36,
        heads: 64,
        kv_heads: Some(8),
        head_dim: Some(64),
        positions: 131_072,
        attention_bias: Some((BiasOf::All, true)),
        mlp_bias: None,
        extra: Extra::Sinks,
        windows: Windows::ButEvery(2),
        experts: Some(&ExpertKeys {
            experts: (&["num_local_experts"], 128),
            chosen: (&["num_experts_per_tok"], 4),
            width: (&["intermediate_size"], 2_880),
            bias: true,
            router_bias: true,
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "afmoe",
        class: "AfmoeForCausalLM",
        vocab: 200_192,
        hidden: 2_048,
        heads: 16,
        head_dim: Some(128),
        positions: 16_384,
        place: Place::Around,
        mlp_bias: None,
        qk_norm: HEAD_NORM,
        gate: true,
        windows: Windows::ButEvery(4),
        experts: Some(&ExpertKeys {
            experts: (&["num_experts"], 64),
            chosen: (&["num_experts_per_tok"], 6),
            width: (&["moe_intermediate_size"], 1_408),
            dense_width: (&["intermediate_size"], 6_144),
            shared: Shared::Count("num_shared_experts", 2),
            dense: DenseBlocks::First("num_dense_layers", 1),
            router_extra: true,
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "glm4_moe",
        class: "Glm4MoeForCausalLM",
        rest: true,
        vocab: 151_552,
        layers: 46,
        heads: 96,
        kv_heads: Some(8),
        positions: 131_072,
        attention_bias: Some((BiasOf::Inputs, false)),
        mlp_bias: None,
        qk_norm: Norms::Key("use_qk_norm", false, QkNorm::Head(NormKind::RmsNorm)),
        experts: Some(&ExpertKeys {
            experts: (&["n_routed_experts"], 128),
            width: (&["moe_intermediate_size"], 1_408),
            dense_width: (&["intermediate_size"], 10_944),
            dense: DenseBlocks::First("first_k_dense_replace", 1),
            ..DEEPSEEK_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "solar_open",
        class: "SolarOpenForCausalLM",
        vocab: 196_608,
        layers: 48,
        heads: 64,
        kv_heads: Some(8),
        head_dim: Some(128),
        positions: 131_072,
        attention_bias: Some((BiasOf::Inputs, false)),
        mlp_bias: None,
        experts: Some(&ExpertKeys {
            experts: (&["n_routed_experts"], 128),
            width: (&["moe_intermediate_size"], 1_280),
            dense: DenseBlocks::Never,
            ..DEEPSEEK_KEYS
        }),
        ..LLAMA
    },
    Family {
        name: "minimax_m3_vl_text",
        class: "MiniMaxM3VLForCausalLM",
        vocab: 200_064,
        hidden: 6_144,
        layers: 60,
        heads: 64,
        kv_heads: Some(4),
        head_dim: Some(128),
        positions: 524_288,
        attention_bias: None,
        mlp_bias: None,
        qk_norm: HEAD_NORM,
        experts: Some(&ExpertKeys {
            experts: (&["num_local_experts"], 128),
            chosen: (&["num_experts_per_tok"], 4),
            width: (&["intermediate_size"], 3_072),
            dense_width: (&["dense_intermediate_size"], 12_288),
            shared: Shared::Width("shared_intermediate_size", 3_072),
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    },
    DEEPSEEK_V3,
    Family {
        name: "deepseek_v2",
        class: "DeepseekV2ForCausalLM",
        vocab: 102_400,
        hidden: 4_096,
        layers: 32,
        heads: 32,
        positions: 2_048,
        mlp_bias: Some(false),
        experts: Some(&ExpertKeys {
            experts: (&["n_routed_experts"], 64),
            chosen: (&["num_experts_per_tok"], 6),
            width: (&["moe_intermediate_size"], 1_407),
            dense_width: (&["intermediate_size"], 11_008),
            shared: Shared::Count("n_shared_experts", 2),
            dense: DenseBlocks::First("first_k_dense_replace", 0),
            ..DEEPSEEK_KEYS
        }),
        ..DEEPSEEK_V3
    },
    Family {
        name: "glm4_moe_lite",
        class: "Glm4MoeLiteForCausalLM",
        vocab: 154_880,
        hidden: 2_048,
        layers: 47,
        heads: 20,
        positions: 202_752,
        latent: Some(LatentDefaults { query_rank: Some(768), plain: 192, value: 256, ..DEEPSEEK_LATENT }),
        experts: Some(&ExpertKeys {
            experts: (&["n_routed_experts"], 64),
            chosen: (&["num_experts_per_tok"], 4),
            width: (&["moe_intermediate_size"], 1_536),
            dense_width: (&["intermediate_size"], 10_240),
            dense: DenseBlocks::First("first_k_dense_replace", 1),
            ..DEEPSEEK_KEYS
        }),
        ..DEEPSEEK_V3
    },
    Family {
        name: "youtu",
        class: "YoutuForCausalLM",
        vocab: 128_256,
        hidden: 2_048,
        ffn: 6_144,
        layers: 32,
        heads: 16,
        positions: 131_072,
        tied: true,
        experts: None,
        ..DEEPSEEK_V3
    },
    Family {
        name: "minicpm3",
        class: "MiniCPM3ForCausalLM",
        vocab: 73_448,
        hidden: 2_560,
        ffn: 6_400,
        layers: 62,
        heads: 40,
        positions: 32_768,
        tied: true,
        mlp_bias: Some(false),
        latent: Some(LatentDefaults { query_rank: Some(768), kv_rank: 256, plain: 64, rotary: 32, value: 64 }),
        experts: None,
        ..DEEPSEEK_V3
    },
];

/// A.X K1: like DeepSeek-V3, with a norm behind the experts.
pub(super) const AXK1: Family = Family {
    name: "axk1",
    class: "AXK1ForCausalLM",
    vocab: 163_840,
    heads: 64,
    positions: 32_768,
    experts: Some(&ExpertKeys {
        experts: (&["n_routed_experts"], 192),
        dense: DenseBlocks::First("first_k_dense_replace", 1),
        ..DEEPSEEK_KEYS
    }),
    ..DEEPSEEK_V3
};
