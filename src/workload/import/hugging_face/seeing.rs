//! Text models that look at pictures through cross-attention, counted without the image model.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::{Node, Value};
use super::decoder::{Family, Sizes, attention, feed_forwards, finish};
use super::dense::LLAMA;
use super::text_model;
use crate::workload::transformer::{
    Attention, Block, Front, NormKind, Part, Place, QkNorm, TransformerShape, WIDTH_MAX, Work,
};

/// `MllamaTextConfig`: Llama 3.2 11B.
const MLLAMA: Family = Family {
    name: "mllama",
    class: "MllamaForCausalLM",
    vocab: 128_256,
    ffn: 14_336,
    layers: 40,
    kv_heads: Some(8),
    positions: 131_072,
    attention_bias: None,
    mlp_bias: None,
    ..LLAMA
};

/// Blocks that look at the picture if the file does not list them.
const CROSS: [u64; 8] = [3, 8, 13, 18, 23, 28, 33, 38];

/// Llama 3.2 with pictures: some blocks attend to patches instead of tokens, behind a gate (Llama Team 2024,
/// arXiv:2407.21783, section 7).
pub(super) fn mllama(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let positions = patches(keys)?;
    text_model(keys, |keys| {
        let sizes = Sizes::read(keys, &MLLAMA)?;
        let grouped = attention(keys, &MLLAMA, &sizes)?;
        let looking = Attention { cross: true, qk_norm: Some(QkNorm::Head(NormKind::RmsNorm)), ..grouped };
        let crosses = crosses(keys)?;
        let feed_forwards = feed_forwards(keys, &MLLAMA, &sizes)?;
        let blocks = (0..).zip(feed_forwards).map(|(layer, feed_forward)| {
            let (mixer, scale) = if crosses.contains(&layer) { (looking, 1) } else { (grouped, 0) };
            let works = [Work::Attention(mixer), feed_forward];
            let part = |work| Part { scale, ..Part::new(work, Place::Before, NormKind::RmsNorm) };
            Block::line(works.map(part).into())
        });
        let blocks = blocks.collect();
        let mut shape = finish(keys, &MLLAMA, &sizes, blocks)?;
        shape.front = Some(Front::Given { positions, width: sizes.hidden });
        if let Some(tables) = &mut shape.tables {
            // Tokens that stand for a picture.
            tables.more_rows = 8;
        }
        Ok(shape)
    })
}

/// Blocks that attend to the picture.
fn crosses(keys: &mut Keys<'_>) -> Result<Vec<u64>, ImportError> {
    let Some(node) = keys.node("cross_attention_layers") else {
        keys.assumed("cross_attention_layers", "every fifth from the fourth on");
        return Ok(CROSS.to_vec());
    };
    let Value::List(list) = &node.value else { return Err(keys.wrong("cross_attention_layers", node, "a list")) };
    let layer = |entry: &Node| match entry.value {
        Value::Integer(layer) if (0..i128::from(WIDTH_MAX)).contains(&layer) => Ok(layer as u64),
        _ => Err(keys.wrong("cross_attention_layers", entry, "numbers of layers")),
    };
    list.iter().map(layer).collect()
}

/// States of one picture: patches and a class token of each of its tiles.
fn patches(keys: &mut Keys<'_>) -> Result<u64, ImportError> {
    let (image, patch, tiles) = match keys.node("vision_config").map(|node| &node.value) {
        Some(Value::Map(map)) => {
            let mut vision = Keys::new(map, "vision_config.", "mllama");
            (
                vision.size_if_given("image_size", WIDTH_MAX)?,
                vision.size_if_given("patch_size", WIDTH_MAX)?,
                vision.size_if_given("max_num_tiles", WIDTH_MAX)?,
            )
        }
        _ => (None, None, None),
    };
    let side = (image.unwrap_or(448) / patch.unwrap_or(14)).min(WIDTH_MAX);
    let positions = (side * side + 1).saturating_mul(tiles.unwrap_or(4));
    Ok(positions.min(WIDTH_MAX))
}
