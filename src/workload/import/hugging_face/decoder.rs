//! Decoders made of attention and a feed-forward part, from Llama on: what a family is, as data, and how its keys
//! become blocks. The families themselves stand in `dense` and `mixtures`.

use super::super::ImportError;
use super::super::keys::Keys;
use super::experts::ExpertKeys;
use super::{head_dim, layer_words};
use crate::workload::Reach;
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, HEADS_MAX, LAYERS_MAX, Latent, NormKind, Part, Place, QkNorm,
    TransformerShape, WIDTH_MAX, Work,
};

/// A family and the values that it takes where a file is silent.
pub(super) struct Family {
    /// `model_type` of its configurations.
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) vocab: u64,
    pub(super) hidden: u64,
    pub(super) ffn: u64,
    pub(super) layers: u64,
    pub(super) heads: u64,
    /// Key-value heads if the key is missing; `None` takes the number of heads.
    pub(super) kv_heads: Option<u64>,
    /// Size of a head if the key is missing; `None` divides the hidden size among the heads.
    pub(super) head_dim: Option<u64>,
    /// Whether the hidden size may leave a rest when it is divided among the heads.
    pub(super) rest: bool,
    pub(super) positions: u64,
    pub(super) tied: bool,
    pub(super) norm: NormKind,
    pub(super) place: Place,
    /// Whether the feed-forward part multiplies two halves.
    pub(super) gated: bool,
    /// Which biases the family always has, whatever the file says.
    pub(super) bias: Biases,
    pub(super) ffn_bias: bool,
    /// What `attention_bias` adds a bias to, and its default; `None` if it is no key of the family.
    pub(super) attention_bias: Option<(BiasOf, bool)>,
    /// The default of `mlp_bias`; `None` if it is no key of the family.
    pub(super) mlp_bias: Option<bool>,
    pub(super) qk_norm: Norms,
    /// Whether values are multiplied by a gate.
    pub(super) gate: bool,
    pub(super) extra: Extra,
    pub(super) windows: Windows,
    pub(super) latent: Option<LatentDefaults>,
    pub(super) experts: Option<&'static ExpertKeys>,
}

/// What the key `attention_bias` adds a bias to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BiasOf {
    /// Query, key, value and output projections.
    All,
    /// All but the output projection.
    Inputs,
}

/// Norms of queries and keys.
#[derive(Clone, Copy)]
pub(super) enum Norms {
    Never,
    Always(QkNorm),
    /// Where this key says so, which it does by default or not.
    Key(&'static str, bool, QkNorm),
}

/// Trained elements of the scores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    None,
    /// One for each head, which takes part in the softmax and drops out (attention sinks).
    Sinks,
    /// Four vectors of a head's size that weigh two scores against each other (Ye et al. 2024, arXiv:2410.05258).
    Differences,
}

/// Which blocks see the window of `sliding_window` alone, if `layer_types` does not say so.
#[derive(Clone, Copy)]
pub(super) enum Windows {
    /// All of them.
    All,
    /// All but every so many-th.
    ButEvery(u64),
    /// None.
    None,
    /// Those from `max_window_layers` on, if `use_sliding_window` says so.
    From,
}

/// Sizes of latent attention where a file is silent.
#[derive(Clone, Copy)]
pub(super) struct LatentDefaults {
    pub(super) query_rank: Option<u64>,
    pub(super) kv_rank: u64,
    pub(super) plain: u64,
    pub(super) rotary: u64,
    pub(super) value: u64,
}

/// Sizes that every part of a decoder needs.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) hidden: u64,
    pub(super) layers: u64,
    pub(super) sequence: u64,
    pub(super) vocab: u64,
    pub(super) tied: bool,
}

impl Sizes {
    pub(super) fn read(keys: &mut Keys<'_>, family: &Family) -> Result<Self, ImportError> {
        Ok(Self {
            hidden: keys.size_or("hidden_size", WIDTH_MAX, family.hidden)?,
            layers: keys.size_or("num_hidden_layers", LAYERS_MAX, family.layers)?,
            sequence: keys.size_or("max_position_embeddings", WIDTH_MAX, family.positions)?,
            vocab: keys.size_or("vocab_size", WIDTH_MAX, family.vocab)?,
            tied: keys.flag_if_given("tie_word_embeddings", family.tied)?,
        })
    }
}

/// Reads a decoder of one kind of attention and one kind of feed-forward part, or experts in some blocks.
pub(super) fn read(keys: &mut Keys<'_>, family: &Family) -> Result<TransformerShape, ImportError> {
    let sizes = Sizes::read(keys, family)?;
    let reaches = reaches(keys, family, &sizes)?;
    let mixer = match &family.latent {
        Some(defaults) => Work::Latent(latent(keys, family, defaults)?),
        None => Work::Attention(attention(keys, family, &sizes)?),
    };
    let feed_forwards = feed_forwards(keys, family, &sizes)?;
    let blocks = reaches.into_iter().zip(feed_forwards).map(|(reach, feed_forward)| {
        let mixer = with_reach(&mixer, reach);
        let parts = [mixer, feed_forward].map(|work| Part::new(work, family.place, family.norm));
        Block::line(parts.into())
    });
    let blocks = blocks.collect();
    finish(keys, family, &sizes, blocks)
}

/// The shape of a decoder from its blocks.
pub(super) fn finish(
    keys: &mut Keys<'_>,
    family: &Family,
    sizes: &Sizes,
    blocks: Vec<Block>,
) -> Result<TransformerShape, ImportError> {
    let mut shape = TransformerShape::decoder(sizes.hidden, sizes.vocab, sizes.sequence, blocks);
    family.class.clone_into(&mut shape.class);
    shape.final_norm = Some(family.norm);
    shape.head = shape.head.with(|scores| scores.tied = sizes.tied);
    shape.causal = !keys.flag_if_given("use_bidirectional_attention", false)?;
    keys.ignore(IGNORED);
    Ok(shape)
}

/// Keys of these families that change neither shape nor cost.
const IGNORED: &[&str] = &[
    "attention_multiplier",
    "attn_logit_softcapping",
    "embd_pdrop",
    "embedding_initializer_range",
    "embedding_multiplier",
    "final_logit_softcapping",
    "hidden_activation",
    "hidden_dropout",
    "layer_norm_eps",
    "logits_scaling",
    "mup_enabled",
    "no_rope_layer_interval",
    "no_rope_layers",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "query_pre_attn_scalar",
    "resid_pdrop",
    "residual_multiplier",
    "rope_interleave",
    "dim_model_base",
    "lambda_std_dev",
    "scale_depth",
    "scale_emb",
];

/// The same attention with this reach.
pub(super) fn with_reach(mixer: &Work, reach: Reach) -> Work {
    match mixer.clone() {
        Work::Attention(attention) => Work::Attention(Attention { reach, ..attention }),
        Work::Latent(latent) => Work::Latent(Latent { reach, ..latent }),
        other => other,
    }
}

/// What the attention of each block sees.
pub(super) fn reaches(keys: &mut Keys<'_>, family: &Family, sizes: &Sizes) -> Result<Vec<Reach>, ImportError> {
    let layers = sizes.layers;
    let on = keys.flag_if_given("use_sliding_window", !matches!(family.windows, Windows::From))?;
    let window = keys.size_if_given("sliding_window", u64::MAX)?.filter(|window| on && *window < sizes.sequence);
    let from = keys.size_if_given("max_window_layers", u64::MAX)?.unwrap_or(layers);
    let every = match family.windows {
        Windows::ButEvery(every) => every,
        _ => 0,
    };
    let every = keys.size_if_given("global_attn_every_n_layers", LAYERS_MAX)?.unwrap_or(every);
    let every = keys.size_if_given("sliding_window_pattern", LAYERS_MAX)?.unwrap_or(every);
    let types = layer_words(keys, "layer_types", layers, &["full_attention", "sliding_attention"])?;
    let windowed = |layer: u64| match (&types, family.windows) {
        (Some(types), _) => types[layer as usize] == "sliding_attention",
        (None, Windows::All) => true,
        (None, Windows::None) => false,
        (None, Windows::From) => layer >= from,
        (None, Windows::ButEvery(_)) => !(layer + 1).is_multiple_of(every),
    };
    let reach = |layer| match window {
        Some(window) if windowed(layer) => Reach::Window(window),
        _ => Reach::Sequence,
    };
    Ok((0..layers).map(reach).collect())
}

/// Attention as the keys of the family describe it, over the whole sequence.
pub(super) fn attention(keys: &mut Keys<'_>, family: &Family, sizes: &Sizes) -> Result<Attention, ImportError> {
    let heads = keys.size_or("num_attention_heads", HEADS_MAX, family.heads)?;
    let kv_heads = match (keys.has("num_key_value_heads"), family.kv_heads) {
        (false, Some(kv_heads)) => {
            keys.assumed("num_key_value_heads", &kv_heads.to_string());
            kv_heads
        }
        _ => keys.size_if_given("num_key_value_heads", HEADS_MAX)?.unwrap_or(heads),
    };
    let head_dim = match (keys.size_if_given("head_dim", HEADS_MAX)?, family.head_dim) {
        (Some(given), _) => given,
        (None, Some(fixed)) => {
            keys.assumed("head_dim", &fixed.to_string());
            fixed
        }
        (None, None) if family.rest => (sizes.hidden / heads).max(1),
        (None, None) => head_dim(keys, "num_attention_heads", sizes.hidden, heads)?,
    };
    let qk_norm = match family.qk_norm {
        Norms::Never => None,
        Norms::Always(norm) => Some(norm),
        Norms::Key(key, default, norm) => keys.flag_if_given(key, default)?.then_some(norm),
    };
    let extra = match family.extra {
        Extra::None => 0,
        Extra::Sinks => heads,
        Extra::Differences => 4 * head_dim,
    };
    let bias = attention_bias(keys, family)?;
    Ok(Attention { kv_heads, bias, qk_norm, gate: family.gate, extra, ..Attention::plain(heads, head_dim) })
}

fn attention_bias(keys: &mut Keys<'_>, family: &Family) -> Result<Biases, ImportError> {
    let mut bias = family.bias;
    match family.attention_bias {
        // Other families count it, so here it may not pass as unknown.
        None => keys.only("attention_bias", false)?,
        Some((of, default)) => {
            let on = keys.flag_if_given("attention_bias", default)?;
            bias = Biases { qkv: bias.qkv || on, out: bias.out || on && of == BiasOf::All };
        }
    }
    Ok(bias)
}

/// Latent attention as the keys of the family describe it, over the whole sequence.
pub(super) fn latent(keys: &mut Keys<'_>, family: &Family, defaults: &LatentDefaults) -> Result<Latent, ImportError> {
    // Each head has keys and values of its own once they are projected up; the sizes of a head follow from its parts.
    keys.ignore(&["num_key_value_heads", "head_dim", "qk_head_dim"]);
    let query_rank = match (keys.has("q_lora_rank"), defaults.query_rank) {
        (false, Some(rank)) => {
            keys.assumed("q_lora_rank", &rank.to_string());
            Some(rank)
        }
        _ => keys.size_if_given("q_lora_rank", WIDTH_MAX)?,
    };
    let on = keys.flag_if_given("attention_bias", false)?;
    Ok(Latent {
        heads: keys.size_or("num_attention_heads", HEADS_MAX, family.heads)?,
        query_rank,
        kv_rank: keys.size_or("kv_lora_rank", WIDTH_MAX, defaults.kv_rank)?,
        plain_dim: keys.size_or("qk_nope_head_dim", HEADS_MAX, defaults.plain)?,
        rotary_dim: keys.size_or("qk_rope_head_dim", HEADS_MAX, defaults.rotary)?,
        value_dim: keys.size_or("v_head_dim", HEADS_MAX, defaults.value)?,
        bias: on,
        gate: 0,
        reach: Reach::Sequence,
        extra: 0,
    })
}

/// The feed-forward part of each block.
pub(super) fn feed_forwards(keys: &mut Keys<'_>, family: &Family, sizes: &Sizes) -> Result<Vec<Work>, ImportError> {
    let bias = match family.mlp_bias {
        None => {
            keys.only("mlp_bias", false)?;
            family.ffn_bias
        }
        Some(default) => keys.flag_if_given("mlp_bias", default)?,
    };
    let dense = |width| FeedForward { width, gated: family.gated, bias };
    match family.experts {
        None => {
            let width = keys.size_or("intermediate_size", WIDTH_MAX, family.ffn)?;
            Ok(vec![Work::FeedForward(dense(width)); sizes.layers as usize])
        }
        Some(experts) => experts.read(keys, family, sizes, dense),
    }
}
