//! Models of the zoo that read pictures: classifiers, DINO, diffusion transformers, and LLaVA, which reads text as well.

use super::super::ImportError;
use super::super::keys::Keys;
use super::super::value::{Node, Value};
use super::{as_map, decoder, gated, head_dim, nested, pair};
use crate::workload::Unit;
use crate::workload::transformer::{
    Attention, Biases, Block, FeedForward, Front, HEADS_MAX, Head, LAYERS_MAX, NormKind, Part, Picture, Place, Pooler,
    Scores, Tower, TransformerShape, WIDTH_MAX, Work,
};

/// A vision transformer: how its picture becomes tokens, and its blocks.
struct Vision {
    picture: Picture,
    blocks: Vec<Block>,
}

/// Patches of a picture as tokens, with learned positions and a class token (Dosovitskiy et al. 2021).
fn vision(keys: &mut Keys<'_>) -> Result<Vision, ImportError> {
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let image = pair(keys, "image_size")?;
    let patch = pair(keys, "patch_size")?;
    let grid = [image[0] / patch[0], image[1] / patch[1]];
    keys.only("norm_first", true)?;
    keys.only("use_encoder_pooler_layer", false)?;
    if let Some(node) = keys.node("position_embedding_type")
        && node.value != Value::Text("learned".to_owned())
    {
        return Err(keys.uncounted("position_embedding_type", node));
    }
    let class_token = keys.flag_or("prepend_cls_token", true)?;
    let masked = keys.flag_if_given("use_masked_patches", false)?;
    let tokens = grid[0] * grid[1] + u64::from(class_token);
    let scaled = keys.node("layerscale_value").is_some_and(|node| node.value != Value::Null);
    let biased = keys.flag_or("use_projection_bias_in_attention", true)?;
    let bias = Biases { qkv: biased, out: keys.flag_or("use_ffn_bias_in_attention", true)? };
    let attention = Attention { bias, ..Attention::plain(heads, head_dim(keys, hidden, heads)?) };
    let feed_forward = FeedForward {
        width: keys.size("filter_size", WIDTH_MAX)?,
        gated: gated(keys, "nonlinearity", "gelu")?,
        bias: keys.flag_or("use_ffn_bias", true)?,
    };
    let scale = if scaled { hidden } else { 0 };
    let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
    let parts = works.map(|work| Part { scale, ..Part::new(work, Place::Before, NormKind::LayerNorm) });
    let layers = keys.size("num_hidden_layers", LAYERS_MAX)?;
    keys.ignore(&["name", "use_conv_patchified_embedding", "interpolate_position_embedding", "cls_token_initializer"]);
    keys.ignore(&["default_initializer", "projection_initializer", "position_embedding_initializer"]);
    keys.ignore(&["stochastic_depth_drop_prob", "stochastic_depth_mode", "stochastic_depth_drop_prob_schedule"]);
    keys.ignore(&["pooler_nonlinearity", "attention_type", "attention_softmax_fp32", "attention_dropout_rate"]);
    keys.ignore(&["embedding_dropout_rate", "dropout_rate", "initializer_range", "layer_norm_epsilon"]);
    let picture = Picture {
        channels: keys.size_or("num_channels", WIDTH_MAX, 3)?,
        patch,
        grid,
        bias: keys.flag_if_given("use_embed_proj_bias", true)?,
        more_tokens: u64::from(class_token),
        // A position for every token, the class token, and what stands for a masked patch.
        rows: tokens + u64::from(class_token) + u64::from(masked),
        norm: keys.flag_if_given("use_post_embed_layer_norm", false)?.then_some(NormKind::LayerNorm),
        hidden,
        blocks: Vec::new(),
        final_norm: Some(NormKind::LayerNorm),
        projector: Vec::new(),
        condition: None,
    };
    Ok(Vision { picture, blocks: vec![Block::line(parts.into()); layers as usize] })
}

/// A model whose own blocks work on the patches; a sequence is one picture.
fn on_pictures(vision: Vision, head: Head) -> TransformerShape {
    let mut shape = TransformerShape::decoder(vision.picture.hidden, 1, 1, vision.blocks);
    shape.tables = None;
    shape.front = Some(Front::Picture(vision.picture));
    shape.head = head;
    shape.unit = Unit::Sample;
    shape.causal = false;
    shape
}

/// A vision transformer with classes.
pub(super) fn classifier(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let vision = vision(keys)?;
    let classes = keys.size("num_classes", WIDTH_MAX)?;
    keys.only("use_bias_in_output", true)?;
    // DINOv2's classifier reads the mean of the patches beside the class token.
    let vectors = if keys.flag_if_given("use_dinov2_classifier", false)? { 2 } else { 1 };
    let head = Head::classifier(Pooler { dense: false, vectors, classes, name: "classifier" });
    let mut shape = on_pictures(vision, head);
    "vision transformer with classes".clone_into(&mut shape.class);
    Ok(shape)
}

/// The entries of a list that are trained by gradients, each a mapping under `key`.
fn trained<'a>(keys: &mut Keys<'a>, list: &str, key: &str) -> Result<Vec<Keys<'a>>, ImportError> {
    let missing = ImportError::Missing { key: keys.full(list), expected: "a list of models" };
    let node = keys.node(list).ok_or(missing)?;
    let Value::List(entries) = &node.value else { return Err(keys.wrong(list, node, "a list of models")) };
    let mut found = Vec::new();
    for entry in entries {
        let place = keys.full(&format!("{list}."));
        let map = as_map(entry).ok_or_else(|| keys.wrong(list, entry, "a mapping"))?;
        let stopped = map.get("stop_grad").is_some_and(|stop: &Node| stop.value == Value::Bool(true));
        let model = map.get(key).and_then(as_map).ok_or_else(|| keys.wrong(list, entry, "a model"))?;
        if !stopped {
            found.push(Keys::new(model, &format!("{place}{key}."), "picture model"));
        }
    }
    Ok(found)
}

/// DINOv2: the student, a vision transformer with one or two heads (Oquab et al. 2023, arXiv:2304.07193).
pub(super) fn dino(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let mut trunks = trained(keys, "image_model_trunks", "image_model")?;
    if trunks.len() != 1 {
        let missing = "one model without stop_grad";
        return Err(ImportError::Missing { key: keys.full("image_model_trunks"), expected: missing });
    }
    let mut trunk = trunks.remove(0);
    let vision = vision(&mut trunk)?;
    keys.warnings.extend(trunk.finish()?);
    let heads = trained(keys, "heads", "head_model")?;
    let count = heads.len();
    let mut towers = Vec::new();
    for (index, mut head) in heads.into_iter().enumerate() {
        towers.push(tower(&mut head, index, count)?);
        keys.warnings.extend(head.finish()?);
    }
    let mut shape = on_pictures(vision, Head { scores: None, pooler: None, towers });
    "DINOv2 student with its heads".clone_into(&mut shape.class);
    keys.ignore(&["losses", "copy_init_weights", "ema", "ssl_transform"]);
    keys.warnings.push(format!(
        "{}: the student is counted, on one whole view; the teacher, its moving average, and further views are not",
        keys.full("image_model_trunks")
    ));
    Ok(shape)
}

/// One of the student's heads: the first reads the class token and, if it is alone, the patches too.
fn tower(keys: &mut Keys<'_>, index: usize, count: usize) -> Result<Tower, ImportError> {
    keys.ignore(&["name", "input_size", "initializer"]);
    let layers = keys.size_or("num_layers", 64, 3)?;
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let bottleneck = keys.size("bottleneck_size", WIDTH_MAX)?;
    let mut widths = vec![hidden; layers as usize - 1];
    widths.push(bottleneck);
    Ok(Tower {
        name: if index == 0 { "dino" } else { "ibot" },
        widths,
        classes: keys.size("output_size", WIDTH_MAX)?,
        lengths: !keys.flag_if_given("norm_last_layer", true)?,
        first: count > 1 && index == 0,
    })
}

/// A diffusion transformer on the latent pixels of a picture (Peebles & Xie 2023, arXiv:2212.09748).
pub(super) fn dit(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let hidden = keys.size("hidden_size", WIDTH_MAX)?;
    let heads = keys.size("num_heads", HEADS_MAX)?;
    let patch = pair(keys, "patch_size")?;
    let mut vae = nested(keys, "vae", "autoencoder")?;
    let latent = pair(&mut vae, "latent_size")?;
    let channels = vae.size_or("latent_channels", WIDTH_MAX, 4)?;
    let grid = [latent[0] / patch[0], latent[1] / patch[1]];
    for key in ["norm_first", "use_projection_bias_in_attention", "use_ffn_bias_in_attention", "use_ffn_bias"] {
        keys.only(key, true)?;
    }
    if let Some(node) = keys.node("position_embedding_type")
        && node.value != Value::Text("fixed".to_owned())
    {
        return Err(keys.uncounted("position_embedding_type", node));
    }
    let attention = Attention { bias: Biases::ALL, ..Attention::plain(heads, head_dim(keys, hidden, heads)?) };
    let feed_forward = FeedForward {
        width: keys.size("filter_size", WIDTH_MAX)?,
        gated: gated(keys, "encoder_nonlinearity", "gelu")?,
        bias: true,
    };
    let works = [Work::Attention(attention), Work::FeedForward(feed_forward)];
    let parts = works.map(|work| Part::new(work, Place::Before, NormKind::Plain));
    let block = Block { conditioned: true, ..Block::line(parts.into()) };
    let layers = keys.size("num_hidden_layers", LAYERS_MAX)?;
    let frequencies = keys.size_or("frequency_embedding_size", WIDTH_MAX, 256)?;
    // One class more stands for none, which guidance needs.
    let classes = keys.size("num_classes", WIDTH_MAX)? + 1;
    let picture = Picture {
        channels,
        patch,
        grid,
        bias: true,
        more_tokens: 0,
        rows: 0,
        norm: None,
        hidden,
        blocks: Vec::new(),
        final_norm: None,
        projector: Vec::new(),
        condition: Some([classes, frequencies]),
    };
    // The noise of every latent pixel of the patch.
    let outputs = channels.saturating_mul(patch[0]).saturating_mul(patch[1]);
    let scores = Scores { tied: false, bias: true, conditioned: true, ..Scores::plain(outputs) };
    let head = Head { scores: Some(scores), pooler: None, towers: Vec::new() };
    let mut shape = on_pictures(Vision { picture, blocks: vec![block; layers as usize] }, head);
    shape.final_norm = Some(NormKind::Plain);
    "diffusion transformer on latent pixels".clone_into(&mut shape.class);
    keys.warnings.push(format!("{}: the autoencoder is not trained and not counted", keys.full("vae")));
    keys.ignore(&["schedule_name", "embedding_nonlinearity", "label_dropout_rate", "num_diffusion_steps"]);
    keys.ignore(&["use_conv_patchified_embedding", "reverse_process", "attention_type"]);
    Ok(shape)
}

/// LLaVA: a vision transformer whose patches, projected, stand among the tokens of a decoder (Liu et al. 2023,
/// arXiv:2310.03744).
pub(super) fn llava(keys: &mut Keys<'_>) -> Result<TransformerShape, ImportError> {
    let mut image = nested(keys, "image_model", "image model")?;
    let Vision { mut picture, blocks } = vision(&mut image)?;
    image.ignore(super::IGNORED);
    let warnings = image.finish()?;
    let mut text = nested(keys, "text_model", "text model")?;
    let mut shape = decoder::read(&mut text, &decoder::LLAMA)?;
    text.ignore(super::IGNORED);
    keys.warnings.extend(warnings.into_iter().chain(text.finish()?));
    let mut projector = nested(keys, "projector", "projector")?;
    let mut layers = nested(&mut projector, "image_model", "projector")?;
    layers.only("use_bias", true)?;
    layers.ignore(&["name", "input_unit", "layers_activation"]);
    let units = layers.node("layers_units");
    let Some(Node { value: Value::List(units), .. }) = units else {
        return Err(ImportError::Missing { key: layers.full("layers_units"), expected: "a list of widths" });
    };
    for unit in units {
        match unit.value {
            Value::Integer(width) if (1..=i128::from(WIDTH_MAX)).contains(&width) => {
                picture.projector.push(width as u64);
            }
            _ => return Err(layers.wrong("layers_units", unit, "positive whole numbers")),
        }
    }
    if picture.projector.last() != Some(&shape.hidden) || picture.projector.len() > 64 {
        let (key, expected) = (layers.full("layers_units"), format!("widths that end with {}", shape.hidden));
        let found = picture.projector.last().map_or_else(|| "nothing".to_owned(), u64::to_string);
        return Err(ImportError::Value { line: None, key, expected, found });
    }
    keys.warnings.extend(layers.finish()?);
    keys.warnings.extend(projector.finish()?);
    picture.blocks = blocks;
    shape.front = Some(Front::Picture(picture));
    "LLaVA, picture and text".clone_into(&mut shape.class);
    keys.ignore(&["image_feature_select_layer_idx", "image_start_idx", "image_feature_select_mode"]);
    Ok(shape)
}
