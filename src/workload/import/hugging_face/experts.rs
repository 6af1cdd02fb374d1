//! How the keys of a family describe its experts, and which blocks have them. The families stand in `mixtures`.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::Value;
use super::decoder::{Family, Sizes};
use super::layer_words;
use crate::workload::transformer::{Choice, Experts, FeedForward, HEADS_MAX, LAYERS_MAX, WIDTH_MAX, Work};

/// A key by all the names that files give it, and its default.
pub(super) type Named = (&'static [&'static str], u64);

/// How a family's keys describe its experts.
pub(super) struct ExpertKeys {
    pub(super) experts: Named,
    pub(super) chosen: Named,
    /// Width of one expert.
    pub(super) width: Named,
    /// Width of the feed-forward part of blocks without experts.
    pub(super) dense_width: Named,
    pub(super) shared: Shared,
    pub(super) shared_gate: bool,
    pub(super) dense: DenseBlocks,
    /// Whether the experts' own projections have a bias, and the router's.
    pub(super) bias: bool,
    pub(super) router_bias: bool,
    /// Whether the router has a trained element for each expert beside its matrix.
    pub(super) router_extra: bool,
}

/// What every token passes through beside its experts.
#[derive(Clone, Copy)]
pub(super) enum Shared {
    None,
    /// So many experts' width.
    Count(&'static str, u64),
    /// This width.
    Width(&'static str, u64),
}

/// Which blocks have no experts, if `mlp_layer_types` does not say so.
#[derive(Clone, Copy)]
pub(super) enum DenseBlocks {
    Never,
    /// The first so many.
    First(&'static str, u64),
    /// All but every `decoder_sparse_step`-th, and those that `mlp_only_layers` lists.
    Step,
}

/// Keys about routing that change neither shape nor cost; those about an index matter to kinds of layers that
/// `layer_types` would name, and that are refused there.
const IGNORED: &[&str] = &[
    "aux_loss_alpha",
    "aux_loss_coef",
    "ep_size",
    "experts_per_token",
    "index_block_size",
    "index_head_dim",
    "index_local_blocks",
    "index_n_heads",
    "index_topk_blocks",
    "initial_context_length",
    "moe_renormalize",
    "n_group",
    "norm_topk_prob",
    "num_expert_group",
    "output_router_logits",
    "route_norm",
    "rotary_dim",
    "route_scale",
    "routed_scaling_factor",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "score_func",
    "scoring_func",
    "seq_aux",
    "swiglu_alpha",
    "swiglu_limit",
    "topk_group",
    "topk_method",
];

impl ExpertKeys {
    /// The feed-forward part of each block.
    pub(super) fn read(
        &self,
        keys: &mut Keys<'_>,
        family: &Family,
        sizes: &Sizes,
        dense: impl Fn(u64) -> FeedForward,
    ) -> Result<Vec<Work>, ImportError> {
        let dense_blocks = self.dense_blocks(keys, sizes.layers)?;
        let width = named(keys, self.width, WIDTH_MAX)?;
        let some_dense = dense_blocks.contains(&true);
        let dense_width = if some_dense || keys.has(self.dense_width.0[0]) {
            named(keys, self.dense_width, WIDTH_MAX)?
        } else {
            width
        };
        let choice =
            Choice { experts: named(keys, self.experts, HEADS_MAX)?, chosen: named(keys, self.chosen, HEADS_MAX)? };
        let shared = match self.shared {
            Shared::None => None,
            Shared::Count(key, default) => optional(keys, key, default)?.map(|count| count.saturating_mul(width)),
            Shared::Width(key, default) => optional(keys, key, default)?,
        };
        let expert = FeedForward { width, gated: family.gated, bias: self.bias };
        let experts = Experts {
            router_bias: self.router_bias,
            router_extra: if self.router_extra { choice.experts } else { 0 },
            shared: shared.map(|width| FeedForward { width, gated: family.gated, bias: false }),
            shared_gate: self.shared_gate,
            ..Experts::plain(choice, expert)
        };
        keys.ignore(IGNORED);
        keys.left_out("num_nextn_predict_layers", "layers that predict further tokens are not counted");
        if let Some(node) = keys.node("moe_layer_freq")
            && node.value != Value::Integer(1)
        {
            return Err(keys.uncounted("moe_layer_freq", node));
        }
        let work = |is_dense| {
            if is_dense { Work::FeedForward(dense(dense_width)) } else { Work::Experts(experts) }
        };
        Ok(dense_blocks.into_iter().map(work).collect())
    }

    /// Which blocks have no experts.
    fn dense_blocks(&self, keys: &mut Keys<'_>, layers: u64) -> Result<Vec<bool>, ImportError> {
        let listed = layer_words(keys, "mlp_layer_types", layers, &["dense", "sparse"])?;
        if let Some(listed) = listed {
            return Ok(listed.into_iter().map(|word| word == "dense").collect());
        }
        let first = match self.dense {
            DenseBlocks::First(key, default) => optional(keys, key, default)?.unwrap_or(0),
            _ => 0,
        };
        if !matches!(self.dense, DenseBlocks::Step) {
            return Ok((0..layers).map(|layer| layer < first).collect());
        }
        let step = keys.size_if_given("decoder_sparse_step", LAYERS_MAX)?.unwrap_or(1);
        let mut dense: Vec<bool> = (0..layers).map(|layer| !(layer + 1).is_multiple_of(step)).collect();
        if let Some(node) = keys.node("mlp_only_layers") {
            let Value::List(list) = &node.value else {
                return if node.value == Value::Null {
                    Ok(dense)
                } else {
                    Err(keys.wrong("mlp_only_layers", node, "a list"))
                };
            };
            for entry in list {
                match entry.value {
                    Value::Integer(layer) if (0..i128::from(layers)).contains(&layer) => dense[layer as usize] = true,
                    _ => return Err(keys.wrong("mlp_only_layers", entry, "numbers of layers")),
                }
            }
        }
        Ok(dense)
    }
}

/// The first of the names that the file has; a missing or empty one takes the default, with a warning.
pub(super) fn named(keys: &mut Keys<'_>, (names, default): Named, max: u64) -> Result<u64, ImportError> {
    let mut found = None;
    for name in names {
        let given = keys.size_if_given(name, max)?;
        found = found.or(given);
    }
    if found.is_none() {
        keys.assumed(names[0], &default.to_string());
    }
    Ok(found.unwrap_or(default))
}

/// A number that may be zero or empty, which both mean none; a missing one takes the default, with a warning.
fn optional(keys: &mut Keys<'_>, key: &str, default: u64) -> Result<Option<u64>, ImportError> {
    if !keys.has(key) {
        if default > 0 {
            keys.assumed(key, &default.to_string());
        }
        return Ok((default > 0).then_some(default));
    }
    match keys.node(key) {
        Some(node) if node.value.is_off() => Ok(None),
        _ => keys.size_if_given(key, WIDTH_MAX),
    }
}
