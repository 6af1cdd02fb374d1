//! Decoders with recurrences along the sequence, alone or between blocks with attention. Values are those of the
//! configuration classes.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::decoder::{Family, LatentDefaults, Norms, Sizes, attention, feed_forwards, finish, latent};
use super::dense::LLAMA;
use super::experts::{DenseBlocks, ExpertKeys, Shared, named};
use super::layer_words;
use super::mixtures::{MIXTRAL_KEYS, QWEN_KEYS};
use crate::workload::transformer::{
    Block, Convolved, HEADS_MAX, LAYERS_MAX, NormKind, Part, Place, QkNorm, Recurrence, TransformerShape, WIDTH_MAX,
    Work,
};

/// Blocks of one mixer each, which comes from `recurrent` unless the layer has attention, and a feed-forward part.
fn mixed(
    keys: &mut Keys<'_>,
    family: &Family,
    sizes: &Sizes,
    mixers: [&Work; 2],
    attends: &[bool],
) -> Result<TransformerShape, ImportError> {
    let feed_forwards = feed_forwards(keys, family, sizes)?;
    let blocks = attends.iter().zip(feed_forwards).map(|(&attends, feed_forward)| {
        let mixer = mixers[usize::from(attends)].clone();
        Block::line([mixer, feed_forward].map(|work| Part::new(work, family.place, family.norm)).into())
    });
    let blocks = blocks.collect();
    finish(keys, family, sizes, blocks)
}

/// The layers that attend, from `layer_types` or else every so many-th.
fn attends(keys: &mut Keys<'_>, layers: u64, every: u64) -> Result<Vec<bool>, ImportError> {
    let every = keys.size_if_given("full_attention_interval", LAYERS_MAX)?.unwrap_or(every);
    let words = layer_words(keys, "layer_types", layers, &["linear_attention", "full_attention"])?;
    Ok(match words {
        Some(words) => words.into_iter().map(|word| word == "full_attention").collect(),
        None => (0..layers).map(|layer| (layer + 1).is_multiple_of(every)).collect(),
    })
}

/// Mamba and Falcon Mamba: nothing but recurrences.
pub(super) fn mamba(keys: &mut Keys<'_>, class: &'static str) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size_or("hidden_size", WIDTH_MAX, 768)?;
    let layers = named(keys, (&["num_hidden_layers", "n_layer"], 32), LAYERS_MAX)?;
    let vocab = keys.size_or("vocab_size", WIDTH_MAX, 50_280)?;
    let expand = keys.size_if_given("expand", HEADS_MAX)?.unwrap_or(2);
    let width = keys.size_if_given("intermediate_size", WIDTH_MAX)?.unwrap_or(expand.saturating_mul(hidden));
    let rank = match keys.node("time_step_rank").map(|node| &node.value) {
        None | Some(Value::Null) => hidden.div_ceil(16),
        // The word stands for the same.
        Some(Value::Text(word)) if word == "auto" => hidden.div_ceil(16),
        Some(_) => keys.size("time_step_rank", WIDTH_MAX)?,
    };
    let state = keys.size_or("state_size", WIDTH_MAX, 16)?;
    let taps = keys.size_or("conv_kernel", WIDTH_MAX, 4)?;
    let recurrence = selective(
        width,
        state,
        rank,
        Convolved { channels: width, taps, bias: keys.flag_if_given("use_conv_bias", true)? },
    );
    let recurrence = Recurrence { bias: keys.flag_if_given("use_bias", false)?, ..recurrence };
    let part = Part::new(Work::Recurrence(recurrence), Place::Before, NormKind::RmsNorm);
    // The file states no sequence; the family was trained with 2048 tokens.
    let mut shape = TransformerShape::decoder(hidden, vocab, 2_048, vec![Block::line(vec![part]); layers as usize]);
    class.clone_into(&mut shape.class);
    shape.final_norm = Some(NormKind::RmsNorm);
    super::gpt::tie(keys, &mut shape, true)?;
    keys.ignore(&["layer_norm_epsilon", "mixer_rms_eps", "rescale_prenorm_residual", "residual_in_fp32"]);
    keys.ignore(&["time_step_floor", "time_step_init_scheme", "time_step_max", "time_step_min", "time_step_scale"]);
    keys.ignore(&["use_associative_scan", "use_mambapy", "d_inner", "d_model", "fused_add_norm", "rms_norm"]);
    keys.ignore(&["pad_vocab_size_multiple", "ssm_cfg"]);
    Ok(shape)
}

/// Mamba's recurrence: step size, input and output vectors are made from the convolved values (Gu & Dao 2023).
fn selective(width: u64, state: u64, rank: u64, convolved: Convolved) -> Recurrence {
    Recurrence {
        projected: 2 * width,
        bias: false,
        convolved,
        selected: Some(rank),
        selected_norm: false,
        low_rank: Vec::new(),
        width,
        state,
        // Decay of every element of the state, and the skip of every channel.
        scan_parameters: width.saturating_mul(state).saturating_add(width),
        gate_norm: None,
    }
}

/// Sizes of Mamba parts under the names that hybrid families give them.
fn mamba_sizes(keys: &mut Keys<'_>, hidden: u64, state: u64) -> Result<(u64, u64, u64, bool, bool), ImportError> {
    let expand = keys.size_or("mamba_expand", HEADS_MAX, 2)?;
    Ok((
        expand.saturating_mul(hidden),
        keys.size_or("mamba_d_state", WIDTH_MAX, state)?,
        keys.size_or("mamba_d_conv", WIDTH_MAX, 4)?,
        keys.flag_if_given("mamba_conv_bias", true)?,
        keys.flag_if_given("mamba_proj_bias", false)?,
    ))
}

/// Bamba: Mamba 2 recurrences, attention where `attn_layer_indices` says so.
pub(super) fn bamba(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    const BAMBA: Family = Family {
        name: "bamba",
        class: "BambaForCausalLM",
        vocab: 128_000,
        ffn: 14_336,
        kv_heads: Some(8),
        positions: 262_144,
        ..LLAMA
    };
    let sizes = Sizes::read(keys, &BAMBA)?;
    let mut attends = vec![false; sizes.layers as usize];
    if let Some(node) = keys.node("attn_layer_indices").filter(|node| node.value != Value::Null) {
        let Value::List(list) = &node.value else { return Err(keys.wrong("attn_layer_indices", node, "a list")) };
        for entry in list {
            match entry.value {
                Value::Integer(layer) if (0..i128::from(sizes.layers)).contains(&layer) => {
                    attends[layer as usize] = true;
                }
                _ => return Err(keys.wrong("attn_layer_indices", entry, "numbers of layers")),
            }
        }
    }
    let (width, state, taps, conv_bias, bias) = mamba_sizes(keys, sizes.hidden, 256)?;
    let heads = keys.size_or("mamba_n_heads", HEADS_MAX, 128)?;
    let groups = keys.size_or("mamba_n_groups", HEADS_MAX, 1)?;
    let channels = (2 * groups).saturating_mul(state).saturating_add(width);
    let recurrence = Recurrence {
        projected: channels.saturating_add(width + heads),
        bias,
        convolved: Convolved { channels, taps, bias: conv_bias },
        selected: None,
        selected_norm: false,
        low_rank: Vec::new(),
        width,
        state,
        // Decay, step and skip of every head.
        scan_parameters: 3 * heads,
        gate_norm: Some(width),
    };
    keys.ignore(&["mamba_chunk_size", "mamba_d_head", "num_logits_to_keep", "time_step_limit", "z_loss_coefficient"]);
    keys.ignore(&["attn_rotary_emb", "time_step_floor", "time_step_max", "time_step_min", "time_step_rank"]);
    let grouped = Work::Attention(attention(keys, &BAMBA, &sizes)?);
    mixed(keys, &BAMBA, &sizes, [&Work::Recurrence(recurrence), &grouped], &attends)
}

/// Jamba: Mamba recurrences, attention and experts each in every so many-th block.
pub(super) fn jamba(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    const JAMBA: Family = Family {
        name: "jamba",
        class: "JambaForCausalLM",
        vocab: 65_536,
        ffn: 14_336,
        kv_heads: Some(8),
        positions: 262_144,
        attention_bias: None,
        mlp_bias: None,
        experts: Some(&ExpertKeys { experts: (&["num_experts", "num_local_experts"], 16), ..MIXTRAL_KEYS }),
        ..LLAMA
    };
    let sizes = Sizes::read(keys, &JAMBA)?;
    let (width, state, taps, conv_bias, bias) = mamba_sizes(keys, sizes.hidden, 16)?;
    let rank = match keys.node("mamba_dt_rank").map(|node| &node.value) {
        None | Some(Value::Null | Value::Text(_)) => sizes.hidden.div_ceil(16),
        Some(_) => keys.size("mamba_dt_rank", WIDTH_MAX)?,
    };
    let recurrence = selective(width, state, rank, Convolved { channels: width, taps, bias: conv_bias });
    let recurrence = Recurrence { bias, selected_norm: true, ..recurrence };
    let attends = periodic(keys, sizes.layers, ["attn_layer_period", "attn_layer_offset"], [8, 4])?;
    let with_experts = periodic(keys, sizes.layers, ["expert_layer_period", "expert_layer_offset"], [2, 1])?;
    keys.ignore(&[
        "num_logits_to_keep",
        "use_associative_scan",
        "use_mamba_kernels",
        "use_mambapy",
        "calc_logits_for_entire_prompt",
    ]);
    let grouped = Work::Attention(attention(keys, &JAMBA, &sizes)?);
    let mut shape = mixed(keys, &JAMBA, &sizes, [&Work::Recurrence(recurrence), &grouped], &attends)?;
    for (block, with_experts) in shape.blocks.iter_mut().zip(with_experts) {
        for part in &mut block.parts {
            if let Work::Experts(experts) = part.work
                && (!with_experts || experts.choice.experts == 1)
            {
                part.work = Work::FeedForward(experts.expert);
            }
        }
    }
    Ok(shape)
}

/// Whether each layer is one of every `period`, counted from an offset.
fn periodic(
    keys: &mut Keys<'_>,
    layers: u64,
    [period, offset]: [&str; 2],
    defaults: [u64; 2],
) -> Result<Vec<bool>, ImportError> {
    let every = keys.size_or(period, LAYERS_MAX, defaults[0])?;
    let first = match keys.node(offset) {
        None => defaults[1],
        Some(node) if node.value == Value::Integer(0) => 0,
        Some(_) => keys.size(offset, LAYERS_MAX)?,
    };
    Ok((0..layers).map(|layer| layer % every == first).collect())
}

/// A gated delta network's sizes under the keys that its families share (Yang et al. 2024).
fn delta_network(keys: &mut Keys<'_>, defaults: [u64; 4], per_head: u64) -> Result<Recurrence, ImportError> {
    let key_heads = keys.size_or("linear_num_key_heads", HEADS_MAX, defaults[0])?;
    let value_heads = keys.size_or("linear_num_value_heads", HEADS_MAX, defaults[1])?;
    let key_dim = keys.size_or("linear_key_head_dim", HEADS_MAX, defaults[2])?;
    let value_dim = keys.size_or("linear_value_head_dim", HEADS_MAX, defaults[3])?;
    let taps = keys.size_or("linear_conv_kernel_dim", WIDTH_MAX, 4)?;
    let width = value_heads * value_dim;
    let channels = 2 * key_heads * key_dim + width;
    Ok(Recurrence {
        // Queries, keys and values, a gate, and the coefficients of each head.
        projected: channels + width + per_head * value_heads,
        bias: false,
        convolved: Convolved { channels, taps, bias: false },
        selected: None,
        selected_norm: false,
        low_rank: Vec::new(),
        width,
        state: key_dim,
        // Decay and step of every head.
        scan_parameters: 2 * value_heads,
        gate_norm: Some(value_dim),
    })
}

/// Qwen3-Next: gated delta networks, gated attention in every fourth block, experts in all.
const QWEN: Family = Family {
    name: "qwen3_next",
    class: "Qwen3NextForCausalLM",
    vocab: 151_936,
    hidden: 2_048,
    layers: 48,
    heads: 16,
    kv_heads: Some(2),
    head_dim: Some(256),
    positions: 32_768,
    mlp_bias: None,
    qk_norm: Norms::Always(QkNorm::Head(NormKind::RmsNorm)),
    gate: true,
    experts: Some(&ExpertKeys {
        experts: (&["num_experts"], 512),
        chosen: (&["num_experts_per_tok"], 10),
        width: (&["moe_intermediate_size"], 512),
        dense_width: (&["intermediate_size"], 5_632),
        shared: Shared::Width("shared_expert_intermediate_size", 512),
        shared_gate: true,
        ..QWEN_KEYS
    }),
    ..LLAMA
};

/// Qwen3.5 with experts: the same with other sizes, its text model alone.
const QWEN_3_5: Family = Family {
    name: "qwen3_5_moe",
    class: "Qwen3_5MoeForCausalLM",
    vocab: 248_320,
    layers: 40,
    experts: Some(&ExpertKeys {
        experts: (&["num_experts"], 256),
        chosen: (&["num_experts_per_tok"], 8),
        width: (&["moe_intermediate_size"], 512),
        shared: Shared::Width("shared_expert_intermediate_size", 512),
        shared_gate: true,
        dense: DenseBlocks::Never,
        ..MIXTRAL_KEYS
    }),
    ..QWEN
};

pub(super) fn qwen3_next(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    qwen(keys, &QWEN)
}

/// The text model of Qwen3.5, which may stand beside an image model.
pub(super) fn qwen3_5_moe(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    super::text_model(keys, |keys| qwen(keys, &QWEN_3_5))
}

fn qwen(keys: &mut Keys<'_>, family: &Family) -> Result<TransformerShape, ImportError> {
    let sizes = Sizes::read(keys, family)?;
    let recurrence = Work::Recurrence(delta_network(keys, [16, 32, 128, 128], 2)?);
    let attends = attends(keys, sizes.layers, 4)?;
    let grouped = Work::Attention(attention(keys, family, &sizes)?);
    mixed(keys, family, &sizes, [&recurrence, &grouped], &attends)
}

/// OLMo Hybrid: gated delta networks under a norm before, attention with a norm behind.
pub(super) fn olmo_hybrid(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    const OLMO: Family = Family {
        name: "olmo_hybrid",
        class: "OlmoHybridForCausalLM",
        vocab: 100_352,
        hidden: 3_840,
        heads: 30,
        positions: 65_536,
        mlp_bias: None,
        qk_norm: Norms::Always(QkNorm::All(NormKind::RmsNorm)),
        ..LLAMA
    };
    let sizes = Sizes::read(keys, &OLMO)?;
    let mut recurrence = delta_network(keys, [30, 30, 96, 192], 2)?;
    recurrence.convolved.bias = false;
    let attends = attends(keys, sizes.layers, 4)?;
    let grouped = Work::Attention(attention(keys, &OLMO, &sizes)?);
    keys.ignore(&["linear_a_log_max", "linear_a_log_min", "linear_allow_neg_eigval", "linear_dt_init_floor"]);
    keys.ignore(&["linear_dt_max", "linear_dt_min"]);
    let mut shape = mixed(keys, &OLMO, &sizes, [&Work::Recurrence(recurrence), &grouped], &attends)?;
    for (block, attends) in shape.blocks.iter_mut().zip(attends) {
        if attends {
            block.parts.iter_mut().for_each(|part| part.place = Place::Branch);
        }
    }
    Ok(shape)
}

/// Kimi Linear: delta networks with a decay for each channel, latent attention in some blocks, experts in most.
pub(super) fn kimi_linear(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    const KIMI: Family = Family {
        name: "kimi_linear",
        class: "KimiLinearForCausalLM",
        vocab: 163_840,
        hidden: 2_304,
        layers: 27,
        mlp_bias: None,
        experts: Some(&ExpertKeys {
            experts: (&["num_experts"], 256),
            chosen: (&["num_experts_per_token", "num_experts_per_tok"], 8),
            width: (&["moe_intermediate_size"], 1_024),
            dense_width: (&["intermediate_size"], 9_216),
            shared: Shared::Count("num_shared_experts", 1),
            dense: DenseBlocks::First("first_k_dense_replace", 1),
            ..MIXTRAL_KEYS
        }),
        ..LLAMA
    };
    const LATENT: LatentDefaults =
        LatentDefaults { query_rank: None, kv_rank: 512, plain: 128, rotary: 64, value: 128 };
    let sizes = Sizes {
        hidden: keys.size_or("hidden_size", WIDTH_MAX, KIMI.hidden)?,
        layers: keys.size_or("num_hidden_layers", LAYERS_MAX, KIMI.layers)?,
        sequence: keys.size_or("model_max_length", WIDTH_MAX, 1_048_576)?,
        vocab: keys.size_or("vocab_size", WIDTH_MAX, KIMI.vocab)?,
        tied: keys.flag_if_given("tie_word_embeddings", false)?,
    };
    // An uploaded file lists both kinds of layers in a mapping of its own.
    if let Some(node) = keys.node("linear_attn_config") {
        return Err(keys.uncounted("linear_attn_config", node));
    }
    let heads = keys.size_or("linear_num_heads", HEADS_MAX, 32)?;
    let head_dim = keys.size_or("linear_head_dim", HEADS_MAX, 128)?;
    let width = heads * head_dim;
    let recurrence = Recurrence {
        // Queries, keys and values, and the strength of each head's update.
        projected: 3 * width + heads,
        bias: false,
        convolved: Convolved {
            channels: 3 * width,
            taps: keys.size_or("linear_conv_kernel_dim", WIDTH_MAX, 4)?,
            bias: false,
        },
        selected: None,
        selected_norm: false,
        low_rank: vec![(head_dim, width, false); 2],
        width,
        state: head_dim,
        scan_parameters: width + heads,
        gate_norm: Some(head_dim),
    };
    let attends = attends(keys, sizes.layers, 4)?;
    let latent = Work::Latent(latent(keys, &KIMI, &LATENT)?);
    keys.ignore(&["max_position_embeddings"]);
    mixed(keys, &KIMI, &sizes, [&Work::Recurrence(recurrence), &latent], &attends)
}
