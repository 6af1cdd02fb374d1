//! Decoders that differ from the families of the tables in one part.

use super::super::ImportError;
use super::super::keys::Keys;
use super::decoder::{self, Family, Sizes, finish};
use super::dense::{HYPERCLOVAX, LLAMA};
use super::experts::ExpertKeys;
use super::mixtures::{AXK1, MIXTRAL_KEYS};
use crate::workload::transformer::{
    Attention, Block, Choice, HEADS_MAX, NormKind, Part, Place, TransformerShape, Work,
};

/// A.X K1: the experts' sum is normalised before it is added.
pub(super) fn axk1(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let mut shape = decoder::read(keys, &AXK1)?;
    for part in shape.blocks.iter_mut().flat_map(|block| &mut block.parts) {
        if matches!(part.work, Work::Experts(_)) {
            part.place = Place::Around;
        }
    }
    Ok(shape)
}

/// HyperCLOVA X: norms behind both parts as well, unless the file says otherwise.
pub(super) fn hyperclovax(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let after = keys.flag_or("use_post_norm", true)?;
    let place = if after { Place::Around } else { Place::Before };
    decoder::read(keys, &Family { place, ..HYPERCLOVAX })
}

/// JetMoE: experts in attention as well (Shen et al. 2024, arXiv:2404.07413).
pub(super) fn jetmoe(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    const JETMOE: Family = Family {
        name: "jetmoe",
        class: "JetMoeForCausalLM",
        hidden: 2_048,
        layers: 12,
        positions: 4_096,
        tied: true,
        attention_bias: None,
        mlp_bias: None,
        experts: Some(&ExpertKeys { width: (&["intermediate_size"], 5_632), ..MIXTRAL_KEYS }),
        ..LLAMA
    };
    let sizes = Sizes::read(keys, &JETMOE)?;
    let kv_heads = keys.size_or("num_key_value_heads", HEADS_MAX, 16)?;
    let head_dim = keys.size_or("kv_channels", HEADS_MAX, 128)?;
    let feed_forwards = decoder::feed_forwards(keys, &JETMOE, &sizes)?;
    // Each chosen expert brings as many query heads as there are keys and values.
    keys.ignore(&["num_attention_heads", "activation_function", "layer_norm_epsilon"]);
    let block = |work| {
        let Work::Experts(mut experts) = work else { return Block::line(Vec::new()) };
        experts.sum_bias = true;
        let Choice { chosen, .. } = experts.choice;
        let attention = Attention {
            kv_heads,
            choice: Some(experts.choice),
            extra: sizes.hidden,
            ..Attention::plain(kv_heads * chosen, head_dim)
        };
        let works = [Work::Attention(attention), Work::Experts(experts)];
        Block::line(works.map(|work| Part::new(work, Place::Before, NormKind::RmsNorm)).into())
    };
    let blocks = feed_forwards.into_iter().map(block).collect();
    finish(keys, &JETMOE, &sizes, blocks)
}
