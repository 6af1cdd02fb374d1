//! Decoders in the line of Llama, without experts. Values are those of the public configuration classes.

use super::decoder::{BiasOf, Extra, Family, Norms, Windows};
use crate::workload::transformer::{Biases, NormKind, Place, QkNorm};

/// `LlamaConfig`: Llama 7B.
pub(super) const LLAMA: Family = Family {
    name: "llama",
    class: "LlamaForCausalLM",
    vocab: 32_000,
    hidden: 4_096,
    ffn: 11_008,
    layers: 32,
    heads: 32,
    kv_heads: None,
    head_dim: None,
    rest: false,
    positions: 2_048,
    tied: false,
    norm: NormKind::RmsNorm,
    place: Place::Before,
    gated: true,
    bias: Biases::NONE,
    ffn_bias: false,
    attention_bias: Some((BiasOf::All, false)),
    mlp_bias: Some(false),
    qk_norm: Norms::Never,
    gate: false,
    extra: Extra::None,
    windows: Windows::None,
    latent: None,
    experts: None,
};

/// `GemmaConfig`: Gemma 7B, whose heads are wider than the hidden size divided among them.
const GEMMA: Family = Family {
    name: "gemma",
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
    mlp_bias: None,
    ..LLAMA
};

/// `Gemma2Config`: Gemma 2 2B, with norms on both sides of every part and a window in every other block.
const GEMMA_2: Family = Family {
    name: "gemma2",
    class: "Gemma2ForCausalLM",
    hidden: 2_304,
    ffn: 9_216,
    layers: 26,
    heads: 8,
    kv_heads: Some(4),
    place: Place::Around,
    windows: Windows::ButEvery(2),
    ..GEMMA
};

/// `Qwen2Config`; query, key and value projections always have a bias, the output projection never.
const QWEN_2: Family = Family {
    name: "qwen2",
    class: "Qwen2ForCausalLM",
    vocab: 151_936,
    ffn: 22_016,
    kv_heads: Some(32),
    positions: 32_768,
    bias: Biases { qkv: true, out: false },
    attention_bias: None,
    mlp_bias: None,
    windows: Windows::From,
    ..LLAMA
};

/// `GlmConfig`: GLM-4 9B; the output projection has no bias whatever the file says.
const GLM: Family = Family {
    name: "glm",
    class: "GlmForCausalLM",
    vocab: 151_552,
    ffn: 13_696,
    layers: 40,
    kv_heads: Some(2),
    head_dim: Some(128),
    positions: 131_072,
    attention_bias: Some((BiasOf::Inputs, true)),
    mlp_bias: None,
    ..LLAMA
};

/// All of them.
pub(super) const FAMILIES: &[Family] = &[
    LLAMA,
    GEMMA,
    GEMMA_2,
    QWEN_2,
    GLM,
    Family {
        name: "mistral",
        class: "MistralForCausalLM",
        ffn: 14_336,
        kv_heads: Some(8),
        positions: 131_072,
        attention_bias: None,
        mlp_bias: None,
        windows: Windows::All,
        ..LLAMA
    },
    Family {
        name: "phi3",
        class: "Phi3ForCausalLM",
        vocab: 32_064,
        hidden: 3_072,
        ffn: 8_192,
        positions: 4_096,
        attention_bias: None,
        mlp_bias: None,
        windows: Windows::All,
        ..LLAMA
    },
    Family {
        name: "qwen3",
        class: "Qwen3ForCausalLM",
        head_dim: Some(128),
        bias: Biases::NONE,
        attention_bias: Some((BiasOf::All, false)),
        qk_norm: Norms::Always(QkNorm::Head(NormKind::RmsNorm)),
        ..QWEN_2
    },
    Family { name: "vaultgemma", class: "VaultGemmaForCausalLM", place: Place::Before, ..GEMMA_2 },
    Family {
        name: "gemma3_text",
        class: "Gemma3ForCausalLM",
        vocab: 262_208,
        positions: 131_072,
        qk_norm: Norms::Always(QkNorm::Head(NormKind::RmsNorm)),
        windows: Windows::ButEvery(6),
        ..GEMMA_2
    },
    Family { name: "glm4", class: "Glm4ForCausalLM", place: Place::Around, ..GLM },
    Family {
        name: "arcee",
        class: "ArceeForCausalLM",
        hidden: 2_560,
        ffn: 18_432,
        positions: 4_096,
        gated: false,
        ..LLAMA
    },
    Family {
        name: "diffllama",
        class: "DiffLlamaForCausalLM",
        hidden: 2_048,
        ffn: 8_192,
        layers: 16,
        mlp_bias: None,
        extra: Extra::Differences,
        ..LLAMA
    },
    Family {
        name: "smollm3",
        class: "SmolLM3ForCausalLM",
        vocab: 128_256,
        hidden: 2_048,
        layers: 36,
        heads: 16,
        kv_heads: Some(4),
        positions: 32_768,
        tied: true,
        windows: Windows::From,
        ..LLAMA
    },
    Family {
        name: "olmo3",
        class: "Olmo3ForCausalLM",
        vocab: 50_304,
        place: Place::Branch,
        mlp_bias: None,
        qk_norm: Norms::Always(QkNorm::All(NormKind::RmsNorm)),
        windows: Windows::ButEvery(4),
        ..LLAMA
    },
    Family {
        name: "olmo2",
        class: "Olmo2ForCausalLM",
        vocab: 50_304,
        place: Place::Branch,
        mlp_bias: None,
        qk_norm: Norms::Always(QkNorm::All(NormKind::RmsNorm)),
        ..LLAMA
    },
    Family { name: "granite", class: "GraniteForCausalLM", ..LLAMA },
    Family {
        name: "jais2",
        class: "Jais2ForCausalLM",
        vocab: 150_272,
        hidden: 3_328,
        ffn: 26_624,
        heads: 26,
        head_dim: Some(128),
        positions: 8_192,
        norm: NormKind::LayerNorm,
        gated: false,
        attention_bias: Some((BiasOf::All, true)),
        mlp_bias: Some(true),
        ..LLAMA
    },
    Family {
        name: "persimmon",
        class: "PersimmonForCausalLM",
        vocab: 262_144,
        ffn: 16_384,
        layers: 36,
        heads: 64,
        positions: 16_384,
        norm: NormKind::LayerNorm,
        gated: false,
        bias: Biases::ALL,
        ffn_bias: true,
        attention_bias: None,
        mlp_bias: None,
        qk_norm: Norms::Key("qk_layernorm", true, QkNorm::Head(NormKind::LayerNorm)),
        ..LLAMA
    },
];

/// HyperCLOVA X: like Llama, with a norm behind every part where `use_post_norm` says so.
pub(super) const HYPERCLOVAX: Family =
    Family { name: "hyperclovax", class: "HyperCLOVAXForCausalLM", place: Place::Around, ..LLAMA };
