//! An operator graph as text: what a scenario carries of a network whose file is too large to travel with it.
//!
//! JSON with one line of words for each operator: its kind with its sizes, parameters, owner of its weights, positions,
//! inputs, block and name, parted by bars. Weights are not in it; a graph needs none.

use serde_json::json;

use super::value::{Mapping, Value, shortened};
use super::{ImportError, bounds};
use crate::workload::graph::{Convolution, Fusion, Graph, Op, OpId, OpKind, Reach, Tokens, Unit};
use crate::workload::transformer::BATCH_MAX;

/// The key that tells the format.
pub(super) const KEY: &str = "waferscope_graph";
/// The only version so far.
const VERSION: i128 = 1;
/// Largest size of anything, so that products of two of them are checked without overflow.
const SIZE_MAX: u64 = 1 << 40;
const BAR: &str = " | ";

/// The graph as text, which [`super::read`] takes.
pub fn write(graph: &Graph) -> String {
    let fusion = |fusion: &Fusion| json!([fusion.into.0, fusion.absorbed, fusion.because]);
    let unit = match graph.unit {
        Unit::Token => "token",
        Unit::Sample => "sample",
    };
    let object = json!({
        KEY: VERSION as u64,
        "name": graph.name,
        "family": graph.family,
        "class": graph.class,
        "unit": unit,
        "sequence": graph.sequence,
        "batch": graph.batch,
        "blocks": graph.blocks,
        "causal": graph.causal,
        "warnings": graph.warnings,
        "operators": graph.ops.iter().map(words).collect::<Vec<_>>(),
        "fusions": graph.fusions.iter().map(fusion).collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

fn words(op: &Op) -> String {
    let numbers = |list: &[u64]| list.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    let kind = match op.kind {
        OpKind::Embedding { rows, width } => format!("embedding {rows} {width}"),
        OpKind::Norm { width, keeps_sum } => format!("norm {width} {}", u64::from(keeps_sum)),
        OpKind::MatMul { k, n } => format!("matmul {k} {n}"),
        OpKind::Experts { k, n, experts, chosen } => format!("experts {k} {n} {experts} {chosen}"),
        OpKind::Attention { heads, kv_heads, head_dim, value_dim, reach } => {
            let (reach, keys) = match reach {
                Reach::Sequence => (0, 0),
                Reach::Window(keys) => (1, keys),
                Reach::Memory(keys) => (2, keys),
            };
            format!("attention {heads} {kv_heads} {head_dim} {value_dim} {reach} {keys}")
        }
        OpKind::Convolution(Convolution { in_channels, out_channels, groups, window, stride, output }) => {
            let sizes = [&[in_channels, out_channels, groups], &window[..], &stride[..], &output[..]].concat();
            format!("convolution {}", numbers(&sizes))
        }
        OpKind::Pooling { width, taps } => format!("pooling {width} {taps}"),
        OpKind::Activation { width, gated } => format!("activation {width} {}", u64::from(gated)),
        OpKind::Elementwise { width, operands } => format!("elementwise {width} {operands}"),
        OpKind::Scan { width, state } => format!("scan {width} {state}"),
        OpKind::Loss { width } => format!("loss {width}"),
    };
    let or_none = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let positions = match op.tokens {
        Tokens::Every => None,
        Tokens::Count(count) => Some(count),
    };
    let inputs: Vec<u64> = op.inputs.iter().map(|input| u64::from(input.0)).collect();
    let parts = [
        kind,
        op.parameters.to_string(),
        or_none(op.weights_of.map(|owner| u64::from(owner.0))),
        or_none(positions),
        numbers(&inputs),
        or_none(op.block.map(u64::from)),
        op.name.clone(),
    ];
    parts.join(BAR)
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// If a key is missing, an operator is no operator, or the whole is beyond the limits.
pub(super) fn read(map: &Mapping) -> Result<Graph, ImportError> {
    if whole(map, KEY)? != VERSION {
        return Err(wrong(KEY, "version 1", &value(map, KEY)?.shown()));
    }
    let size = |key: &'static str, max: u64| {
        let number = u64::try_from(whole(map, key)?).ok().filter(|number| (1..=max).contains(number));
        number.ok_or_else(|| wrong(key, &format!("a whole number from 1 to {max}"), "another one"))
    };
    let blocks = u32::try_from(whole(map, "blocks")?).ok().filter(|&blocks| blocks <= 1 << 20);
    let blocks = blocks.ok_or_else(|| wrong("blocks", "at most 2^20", "another number"))?;
    let list = list(map, "operators")?;
    let mut ops = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        let place = format!("operators[{index}]");
        let words = text_of(&place, entry)?;
        let op = op(words).filter(|op| sound(op, index, list.len(), blocks));
        ops.push(op.ok_or_else(|| wrong(&place, "an operator", &format!("\"{}\"", shortened(words))))?);
    }
    bounds::check(&ops).map_err(|(expected, found)| wrong("operators", &expected, &found))?;
    Ok(Graph {
        name: text(map, "name")?,
        family: text(map, "family")?,
        class: text(map, "class")?,
        unit: if text(map, "unit")? == "sample" { Unit::Sample } else { Unit::Token },
        sequence: size("sequence", 1 << 24)?,
        batch: if *value(map, "batch")? == Value::Null { None } else { Some(size("batch", BATCH_MAX)?) },
        blocks,
        causal: *value(map, "causal")? == Value::Bool(true),
        warnings: texts(map, "warnings")?,
        fusions: fusions(map, ops.len())?,
        ops,
    })
}

fn op(words: &str) -> Option<Op> {
    let mut parts = words.splitn(7, BAR);
    let mut part = || parts.next();
    let kind = kind(part()?)?;
    let parameters = part()?.parse().ok()?;
    let optional = |part: &str| if part == "-" { Some(None) } else { part.parse::<u64>().ok().map(Some) };
    let weights_of = optional(part()?)?.map(|owner| OpId(owner as u32));
    let tokens = optional(part()?)?.map_or(Tokens::Every, Tokens::Count);
    let inputs = part()?.split_whitespace().map(|input| input.parse().ok().map(OpId)).collect::<Option<_>>()?;
    let block = optional(part()?)?.map(|block| block as u32);
    Some(Op { name: part()?.to_owned(), block, kind, parameters, weights_of, tokens, inputs })
}

fn kind(words: &str) -> Option<OpKind> {
    let (word, rest) = words.split_once(' ')?;
    let numbers: Vec<u64> = rest.split(' ').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    if numbers.iter().any(|&number| number > SIZE_MAX) {
        return None;
    }
    Some(match (word, numbers.as_slice()) {
        ("embedding", &[rows, width]) => OpKind::Embedding { rows, width },
        ("norm", &[width, keeps @ 0..=1]) => OpKind::Norm { width, keeps_sum: keeps == 1 },
        ("matmul", &[k, n]) => OpKind::MatMul { k, n },
        ("experts", &[k, n, experts, chosen]) => OpKind::Experts { k, n, experts, chosen },
        ("attention", &[heads, kv_heads, head_dim, value_dim, reach, keys]) => {
            let reach = match reach {
                0 => Reach::Sequence,
                1 => Reach::Window(keys),
                2 => Reach::Memory(keys),
                _ => return None,
            };
            OpKind::Attention { heads, kv_heads, head_dim, value_dim, reach }
        }
        ("convolution", &[in_channels, out_channels, groups, wy, wx, sy, sx, oy, ox]) => {
            let (window, stride, output) = ([wy, wx], [sy, sx], [oy, ox]);
            OpKind::Convolution(Convolution { in_channels, out_channels, groups, window, stride, output })
        }
        ("pooling", &[width, taps]) => OpKind::Pooling { width, taps },
        ("activation", &[width, gated @ 0..=1]) => OpKind::Activation { width, gated: gated == 1 },
        ("elementwise", &[width, operands]) => OpKind::Elementwise { width, operands },
        ("scan", &[width, state]) => OpKind::Scan { width, state },
        ("loss", &[width]) => OpKind::Loss { width },
        _ => return None,
    })
}

/// Whether an operator refers to earlier ones only, and no product of its sizes overflows or is zero.
fn sound(op: &Op, index: usize, ops: usize, blocks: u32) -> bool {
    let fits = |sizes: &[u64]| {
        let product = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
        product.is_some_and(|product| (1..=1 << 60).contains(&product))
    };
    let sizes = match op.kind {
        OpKind::Embedding { rows, width } => fits(&[rows, width]),
        OpKind::Norm { width, .. } | OpKind::Activation { width, .. } | OpKind::Loss { width } => fits(&[width]),
        OpKind::MatMul { k, n } => fits(&[k, n]),
        OpKind::Experts { k, n, experts, chosen } => fits(&[k, n, experts]) && (1..=experts).contains(&chosen),
        OpKind::Attention { heads, kv_heads, head_dim, value_dim, reach } => {
            fits(&[heads, head_dim.max(1)])
                && fits(&[kv_heads, head_dim.max(1)])
                && fits(&[heads.max(kv_heads), value_dim])
                && reach.keys(1) > 0
        }
        OpKind::Convolution(Convolution {
            in_channels,
            out_channels,
            groups,
            window: [wy, wx],
            stride: [sy, sx],
            output: [oy, ox],
        }) => {
            fits(&[groups])
                && in_channels.is_multiple_of(groups)
                && fits(&[in_channels, out_channels, wy, wx])
                && fits(&[in_channels, sy, sx])
                && fits(&[out_channels, oy, ox])
        }
        OpKind::Pooling { width, taps } => fits(&[width, taps]),
        OpKind::Elementwise { width, operands } => fits(&[width, operands]),
        OpKind::Scan { width, state } => fits(&[6, width, state]),
    };
    sizes
        && op.parameters <= 1 << 60
        && (1..=SIZE_MAX).contains(&op.tokens.positions(1))
        && op.inputs.iter().all(|input| (input.0 as usize) < index)
        && op.weights_of.is_none_or(|owner| (owner.0 as usize) < ops)
        && op.block.is_none_or(|block| block < blocks)
}

fn fusions(map: &Mapping, ops: usize) -> Result<Vec<Fusion>, ImportError> {
    let fusion = |(index, entry): (usize, &Value)| {
        let place = format!("fusions[{index}]");
        let fault = || wrong(&place, "an operator, what it absorbed, and why", &entry.shown());
        let Value::List(parts) = entry else { return Err(fault()) };
        let [into, absorbed, because] = parts.as_slice() else { return Err(fault()) };
        let Value::Integer(into) = into.value else { return Err(fault()) };
        let into = u32::try_from(into).ok().filter(|&into| (into as usize) < ops).ok_or_else(fault)?;
        let (absorbed, because) = (text_of(&place, &absorbed.value)?, text_of(&place, &because.value)?);
        Ok(Fusion { into: OpId(into), absorbed: absorbed.to_owned(), because: because.to_owned() })
    };
    list(map, "fusions")?.into_iter().enumerate().map(fusion).collect()
}

fn wrong(key: &str, expected: &str, found: &str) -> ImportError {
    ImportError::Value { line: None, key: key.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
}

fn value<'a>(map: &'a Mapping, key: &'static str) -> Result<&'a Value, ImportError> {
    let missing = || ImportError::Missing { key: key.to_owned(), expected: "its value" };
    map.get(key).map(|node| &node.value).ok_or_else(missing)
}

fn whole(map: &Mapping, key: &'static str) -> Result<i128, ImportError> {
    match value(map, key)? {
        Value::Integer(number) => Ok(*number),
        other => Err(wrong(key, "a whole number", &other.shown())),
    }
}

fn text_of<'a>(place: &str, value: &'a Value) -> Result<&'a str, ImportError> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(wrong(place, "a text", &other.shown())),
    }
}

fn text(map: &Mapping, key: &'static str) -> Result<String, ImportError> {
    text_of(key, value(map, key)?).map(ToOwned::to_owned)
}

fn list<'a>(map: &'a Mapping, key: &'static str) -> Result<Vec<&'a Value>, ImportError> {
    match value(map, key)? {
        Value::List(list) => Ok(list.iter().map(|node| &node.value).collect()),
        other => Err(wrong(key, "a list", &other.shown())),
    }
}

fn texts(map: &Mapping, key: &'static str) -> Result<Vec<String>, ImportError> {
    list(map, key)?.into_iter().map(|entry| text_of(key, entry).map(ToOwned::to_owned)).collect()
}
