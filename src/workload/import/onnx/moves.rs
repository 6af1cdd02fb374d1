//! Operators that only move numbers: what shape comes out, and along which axis the width of an activation lies then.
//!
//! They cost nothing here: who reads the result reads the operator that made the numbers. What moving them over the
//! wafer would cost is not modelled.

use super::value::{Call, Shape, Value, product, shown};
use crate::workload::import::ImportError;

/// Shapes of the outputs of an operator that moves numbers; `None` if it is none of those.
pub(super) fn shapes(call: &Call<'_>) -> Result<Option<Vec<Shape>>, ImportError> {
    let one = |shape: Shape| Ok(Some(vec![shape]));
    match call.node.op_type.as_str() {
        "Identity" | "Cast" | "CastLike" | "Trilu" | "DequantizeLinear" | "QuantizeLinear" | "Reverse" => {
            one(call.shape(0)?.to_vec())
        }
        "Dropout" => Ok(Some(vec![call.shape(0)?.to_vec(); call.node.outputs.len().clamp(1, 2)])),
        "Reshape" => one(reshape(call)?),
        "Flatten" => one(flatten(call)?),
        "Squeeze" => one(squeeze(call)?),
        "Unsqueeze" => one(unsqueeze(call)?),
        "Transpose" => {
            let shape = call.shape(0)?;
            one(permutation(call, shape.len())?.into_iter().map(|axis| shape[axis]).collect())
        }
        "Slice" => one(slice(call)?),
        "Split" => split(call).map(Some),
        "Gather" => one(gather(call)?),
        "GatherElements" => one(call.shape(1)?.to_vec()),
        "Expand" => one(expand(call)?),
        "Tile" => one(tile(call)?),
        "Pad" => one(pad(call)?),
        "DepthToSpace" => one(blocks(call, true)?),
        "SpaceToDepth" => one(blocks(call, false)?),
        _ => Ok(None),
    }
}

/// The axis of the width after the move.
pub(super) fn axis(call: &Call<'_>, from: &Value, to: &[u64]) -> usize {
    let last = to.len().saturating_sub(1);
    match call.node.op_type.as_str() {
        "Transpose" => permutation(call, from.shape.len())
            .ok()
            .and_then(|axes| axes.iter().position(|&axis| axis == from.axis))
            .unwrap_or(last),
        // The channels of a picture stay where they are if the axes before them do.
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Gather" => {
            let kept = to.get(..=from.axis).is_some_and(|kept| from.shape.get(..=from.axis) == Some(kept));
            if kept && from.axis < from.shape.len().saturating_sub(1) { from.axis } else { last }
        }
        _ => from.axis.min(last),
    }
}

fn known(call: &Call<'_>, index: usize, what: &str) -> Result<std::rc::Rc<[i64]>, ImportError> {
    let value = call.input(index)?;
    value.ints().ok_or_else(|| {
        let found = "numbers that are computed from data or are too many";
        call.fault(&format!("{what} that are known beforehand"), found)
    })
}

fn reshape(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let wanted = match call.node.ints("shape") {
        Some(wanted) => wanted.into(),
        None => known(call, 1, "sizes")?,
    };
    let keep_zero = call.node.int("allowzero").unwrap_or(0) != 0;
    let fault = || call.fault(&format!("sizes for {} elements", product(shape)), &format!("{wanted:?}"));
    let mut sizes: Shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (at, &size) in wanted.iter().enumerate() {
        sizes.push(match size {
            -1 if open.is_none() => {
                open = Some(at);
                1
            }
            0 if !keep_zero => *shape.get(at).ok_or_else(fault)?,
            size => u64::try_from(size).map_err(|_error| fault())?,
        });
    }
    let others = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size)).ok_or_else(fault)?;
    if let Some(at) = open {
        if others == 0 || !product(shape).is_multiple_of(others) {
            return Err(fault());
        }
        sizes[at] = product(shape) / others;
    } else if others != product(shape) {
        return Err(fault());
    }
    Ok(sizes)
}

fn flatten(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let axis = call.node.int("axis").unwrap_or(1);
    // The axis behind the last one is allowed here.
    let at = if axis == shape.len() as i64 { shape.len() } else { call.axis(axis, shape.len())? };
    Ok(vec![product(&shape[..at]), product(&shape[at..])])
}

fn squeeze(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let axes = call.axes(1, shape.len())?;
    let gone = |&(axis, size): &(usize, &u64)| axes.as_ref().map_or(*size == 1, |axes| axes.contains(&axis));
    if let Some((_, size)) = shape.iter().enumerate().filter(gone).find(|&(_, &size)| size != 1) {
        return Err(call.fault("axes of size 1", &size.to_string()));
    }
    Ok(shape.iter().enumerate().filter(|entry| !gone(entry)).map(|(_, &size)| size).collect())
}

fn unsqueeze(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let count = match call.node.ints("axes") {
        Some(axes) => axes.len(),
        None => known(call, 1, "axes")?.len(),
    };
    let rank = shape.len() + count;
    let axes = call.axes(1, rank)?.unwrap_or_default();
    let mut rest = shape.iter();
    let sizes = (0..rank).map(|axis| if axes.contains(&axis) { Some(1) } else { rest.next().copied() });
    let sizes: Option<Shape> = sizes.collect();
    sizes.ok_or_else(|| call.fault("different axes", &format!("{axes:?}")))
}

/// Which axis of the input each axis of the output is.
fn permutation(call: &Call<'_>, rank: usize) -> Result<Vec<usize>, ImportError> {
    let Some(perm) = call.node.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let axes: Vec<usize> = perm.iter().map(|&axis| call.axis(axis, rank)).collect::<Result<_, _>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(call.fault(&format!("each of {rank} axes once"), &format!("{perm:?}")));
    }
    Ok(axes)
}

fn slice(call: &Call<'_>) -> Result<Shape, ImportError> {
    let mut shape = call.shape(0)?.to_vec();
    let rank = shape.len();
    for (axis, range) in slice_ranges(call, &shape)? {
        let axis = call.axis(axis, rank)?;
        shape[axis] = range.count;
    }
    Ok(shape)
}

/// A cut along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) count: u64,
}

/// The cuts that a `Slice` makes, by axis.
pub(super) fn slice_ranges(call: &Call<'_>, shape: &[u64]) -> Result<Vec<(i64, Range)>, ImportError> {
    let (starts, ends) = match (call.node.ints("starts"), call.node.ints("ends")) {
        (Some(starts), Some(ends)) => (starts.into(), ends.into()),
        _ => (known(call, 1, "starts")?, known(call, 2, "ends")?),
    };
    let axes: Vec<i64> = match (call.node.ints("axes"), call.given(3)) {
        (Some(axes), _) => axes.to_vec(),
        (None, Some(_)) => known(call, 3, "axes")?.to_vec(),
        (None, None) => (0..starts.len() as i64).collect(),
    };
    let steps = if call.given(4).is_some() { known(call, 4, "steps")?.to_vec() } else { vec![1; starts.len()] };
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(call.fault("as many starts as ends, axes and steps", "different numbers of them"));
    }
    let mut ranges = Vec::with_capacity(starts.len());
    for (index, &axis) in axes.iter().enumerate() {
        let size = shape[call.axis(axis, shape.len())?] as i64;
        let step = steps[index];
        if step == 0 {
            return Err(call.fault("a step", "0"));
        }
        let counted = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
        let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let start = counted(starts[index]).clamp(low.max(0), high.max(0));
        // An end before the beginning, as far down as numbers go, means "down to the first".
        let end = if step < 0 && ends[index] < -size { -1 } else { counted(ends[index]).clamp(low, high) };
        let room = if step > 0 { end - start } else { start - end };
        let count = if room <= 0 { 0 } else { (room as u64).div_ceil(step.unsigned_abs()) };
        ranges.push((axis, Range { start, step, count }));
    }
    Ok(ranges)
}

fn split(call: &Call<'_>) -> Result<Vec<Shape>, ImportError> {
    let shape = call.ranked(0, 1)?;
    let axis = call.axis(call.node.int("axis").unwrap_or(0), shape.len())?;
    let outputs = call.node.outputs.len();
    let sizes: Vec<u64> = match (call.node.ints("split"), call.given(1)) {
        (Some(sizes), _) => sizes.iter().map(|&size| size.max(0).cast_unsigned()).collect(),
        (None, Some(_)) => known(call, 1, "sizes")?.iter().map(|&size| size.max(0).cast_unsigned()).collect(),
        (None, None) => {
            // The last part is smaller if they cannot be equal.
            let part = shape[axis].div_ceil(outputs.max(1) as u64);
            (0..outputs as u64).map(|at| shape[axis].saturating_sub(at.saturating_mul(part)).min(part)).collect()
        }
    };
    let sum = sizes.iter().try_fold(0_u64, |sum, &size| sum.checked_add(size));
    if sizes.len() != outputs || sum != Some(shape[axis]) {
        let expected = format!("{outputs} parts of {} together", shape[axis]);
        return Err(call.fault(&expected, &format!("{sizes:?}")));
    }
    let part = |size| {
        let mut part = shape.to_vec();
        part[axis] = size;
        part
    };
    Ok(sizes.into_iter().map(part).collect())
}

fn gather(call: &Call<'_>) -> Result<Shape, ImportError> {
    let (shape, indices) = (call.ranked(0, 1)?, call.shape(1)?);
    let axis = call.axis(call.node.int("axis").unwrap_or(0), shape.len())?;
    Ok([&shape[..axis], indices, &shape[axis + 1..]].concat())
}

fn expand(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let wanted = known(call, 1, "sizes")?;
    let sizes: Option<Shape> = wanted.iter().map(|&size| u64::try_from(size).ok()).collect();
    let found = || format!("{wanted:?} for {}", shown(shape));
    let stretched = sizes.and_then(|sizes| super::shapes::stretched(shape, &sizes));
    stretched.ok_or_else(|| call.fault("sizes to stretch to", &found()))
}

fn tile(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let repeats = known(call, 1, "repeats")?;
    let tiled = |(&size, &times): (&u64, &i64)| u64::try_from(times).ok()?.checked_mul(size);
    let sizes: Option<Shape> = shape.iter().zip(repeats.iter()).map(tiled).collect();
    sizes
        .filter(|_| shape.len() == repeats.len())
        .ok_or_else(|| call.fault(&format!("{} repeats", shape.len()), &format!("{repeats:?}")))
}

fn pad(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let pads = match call.node.ints("pads").or_else(|| call.node.ints("paddings")) {
        Some(pads) => pads.into(),
        None => known(call, 1, "pads")?,
    };
    let axes = match call.given(3) {
        Some(_) => {
            let axes = known(call, 3, "axes")?;
            axes.iter().map(|&axis| call.axis(axis, shape.len())).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..shape.len()).collect(),
    };
    let fault = || call.fault(&format!("{} pads", 2 * axes.len()), &format!("{pads:?}"));
    if pads.len() != 2 * axes.len() {
        return Err(fault());
    }
    let mut sizes = shape.to_vec();
    for (at, &axis) in axes.iter().enumerate() {
        let size = i128::from(sizes[axis]) + i128::from(pads[at]) + i128::from(pads[at + axes.len()]);
        sizes[axis] = u64::try_from(size).map_err(|_error| fault())?;
    }
    Ok(sizes)
}

/// Channels laid out as squares of pixels, or back.
fn blocks(call: &Call<'_>, spread: bool) -> Result<Shape, ImportError> {
    let shape = call.ranked(0, 4)?;
    let side = call.node.int("blocksize").and_then(|side| u64::try_from(side).ok()).filter(|side| *side < 1 << 16);
    let fits = |&side: &u64| {
        let channels = shape[1].is_multiple_of(side * side);
        side > 0 && if spread { channels } else { shape[2].is_multiple_of(side) && shape[3].is_multiple_of(side) }
    };
    let Some(side) = side.filter(fits) else {
        return Err(call.fault("a blocksize that divides its sizes", &shown(shape)));
    };
    Ok(if spread {
        vec![shape[0], shape[1] / (side * side), shape[2].saturating_mul(side), shape[3].saturating_mul(side)]
    } else {
        vec![shape[0], shape[1].saturating_mul(side * side), shape[2] / side, shape[3] / side]
    })
}
