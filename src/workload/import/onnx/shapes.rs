//! Shapes of the outputs of operators whose outputs hold new numbers: windows, products, pointwise functions, sums.
//!
//! Follows "Operators" of the ONNX project. Operators that only move numbers are in [`super::moves`].

use super::value::{Call, Shape, product, shown};
use crate::workload::import::ImportError;

/// How a window lies on its input: for each axis of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) kernel: Vec<u64>,
    pub(super) strides: Vec<u64>,
    dilations: Vec<u64>,
    /// Before and after, together.
    pads: Vec<u64>,
}

impl Window {
    /// Reads the attributes of a convolution or pooling with `kernel` over the last axes of its input.
    pub(super) fn read(call: &Call<'_>, kernel: Vec<u64>, picture: &[u64]) -> Result<Self, ImportError> {
        let count = kernel.len();
        let ones = || vec![1; count];
        let strides = call.window("strides", count)?.unwrap_or_else(ones);
        let dilations = call.window("dilations", count)?.unwrap_or_else(ones);
        let mut window = Self { kernel, strides, dilations, pads: vec![0; count] };
        match call.node.text("auto_pad").unwrap_or("NOTSET") {
            // As much as makes the output the input divided by the stride, rounded up.
            "SAME_UPPER" | "SAME_LOWER" => {
                for (axis, &size) in picture.iter().enumerate().take(count) {
                    let wanted = (size.div_ceil(window.strides[axis]).max(1) - 1) * window.strides[axis];
                    window.pads[axis] = wanted.saturating_add(window.extent(axis)).saturating_sub(size);
                }
            }
            "VALID" => {}
            _ => {
                if let Some(pads) = call.node.ints("pads") {
                    let at = |index: usize| pads.get(index).copied().and_then(|pad| u64::try_from(pad).ok());
                    for axis in 0..count {
                        let both = (at(axis), at(axis + count));
                        let (Some(before), Some(after)) = both else {
                            let expected = format!("{} pads of 0 or more", 2 * count);
                            return Err(call.fault(&expected, &format!("{pads:?}")));
                        };
                        window.pads[axis] = before.min(1 << 31) + after.min(1 << 31);
                    }
                }
            }
        }
        Ok(window)
    }

    /// Pixels from the first to the last tap.
    fn extent(&self, axis: usize) -> u64 {
        (self.kernel[axis] - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    /// Pixels of the output along each axis.
    pub(super) fn output(&self, call: &Call<'_>, picture: &[u64]) -> Result<Shape, ImportError> {
        let ceil = call.node.int("ceil_mode").unwrap_or(0) != 0;
        let mut sizes = Vec::with_capacity(picture.len());
        for (axis, &size) in picture.iter().enumerate() {
            let padded = size.saturating_add(self.pads[axis]);
            let Some(room) = padded.checked_sub(self.extent(axis)) else {
                let expected = format!("a window of at most {padded} pixels");
                return Err(call.fault(&expected, &format!("{} of a picture of {}", self.extent(axis), shown(picture))));
            };
            let stride = self.strides[axis];
            sizes.push(if ceil { room.div_ceil(stride) } else { room / stride } + 1);
        }
        Ok(sizes)
    }

    /// The same for a transposed convolution, which spreads each pixel of its input over a window of its output.
    pub(super) fn transposed(&self, call: &Call<'_>, picture: &[u64]) -> Result<Shape, ImportError> {
        let count = picture.len();
        if let Some(sizes) = call.window("output_shape", count)? {
            return Ok(sizes);
        }
        let extra = |axis: usize| {
            let given = call.node.ints("output_padding").and_then(|list| list.get(axis).copied());
            given.and_then(|pad| u64::try_from(pad).ok()).unwrap_or(0).min(1 << 31)
        };
        let same = call.node.text("auto_pad").is_some_and(|text| text.starts_with("SAME"));
        let size = |(axis, &size): (usize, &u64)| {
            let stride = self.strides[axis];
            if same {
                return size.saturating_mul(stride);
            }
            let full =
                (size.max(1) - 1).saturating_mul(stride).saturating_add(self.extent(axis).saturating_add(extra(axis)));
            full.saturating_sub(self.pads[axis])
        };
        Ok(picture.iter().enumerate().map(size).collect())
    }
}

/// The window of a convolution: sizes of the kernel are those of its weights.
pub(super) fn convolution_window(call: &Call<'_>) -> Result<Window, ImportError> {
    let (input, weights) = (call.ranked(0, 3)?, call.ranked(1, 3)?);
    if weights.len() != input.len() || product(&weights[2..]) == 0 {
        let expected = format!("weights of {} axes and no size of 0", input.len());
        return Err(call.fault(&expected, &shown(weights)));
    }
    let kernel = weights[2..].to_vec();
    if let Some(stated) = call.window("kernel_shape", kernel.len())?.filter(|stated| *stated != kernel) {
        return Err(call.fault(&format!("weights for a window of {}", shown(&stated)), &shown(weights)));
    }
    Window::read(call, kernel, &input[2..])
}

/// Groups of a convolution.
pub(super) fn groups(call: &Call<'_>) -> Result<u64, ImportError> {
    let groups = call.node.int("group").unwrap_or(1);
    u64::try_from(groups).ok().filter(|groups| (1..1 << 31).contains(groups)).ok_or_else(|| {
        let found = groups.to_string();
        call.fault("1 group or more", &found)
    })
}

pub(super) fn convolution(call: &Call<'_>) -> Result<Shape, ImportError> {
    let window = convolution_window(call)?;
    let (input, weights, groups) = (call.shape(0)?, call.shape(1)?, groups(call)?);
    if weights[1].checked_mul(groups) != Some(input[1]) || !weights[0].is_multiple_of(groups) || weights[0] == 0 {
        let expected = format!("weights for {} channels in {groups} groups", input[1]);
        return Err(call.fault(&expected, &format!("weights of {}", shown(weights))));
    }
    Ok([&[input[0], weights[0]], &window.output(call, &input[2..])?[..]].concat())
}

pub(super) fn transposed_convolution(call: &Call<'_>) -> Result<Shape, ImportError> {
    let window = convolution_window(call)?;
    let (input, weights, groups) = (call.shape(0)?, call.shape(1)?, groups(call)?);
    if weights[0] != input[1] || !input[1].is_multiple_of(groups) || weights[1] == 0 {
        let expected = format!("weights for {} channels in {groups} groups", input[1]);
        return Err(call.fault(&expected, &format!("weights of {}", shown(weights))));
    }
    Ok([&[input[0], weights[1].saturating_mul(groups)], &window.transposed(call, &input[2..])?[..]].concat())
}

/// The window of a pooling.
pub(super) fn pooling_window(call: &Call<'_>) -> Result<Window, ImportError> {
    let input = call.ranked(0, 3)?;
    let Some(kernel) = call.window("kernel_shape", input.len() - 2)? else {
        return Err(call.fault("a kernel_shape", "none"));
    };
    Window::read(call, kernel, &input[2..])
}

pub(super) fn pooling(call: &Call<'_>) -> Result<Shape, ImportError> {
    let input = call.ranked(0, 3)?;
    let window = pooling_window(call)?;
    Ok([&input[..2], &window.output(call, &input[2..])?[..]].concat())
}

pub(super) fn global_pooling(call: &Call<'_>) -> Result<Shape, ImportError> {
    let input = call.ranked(0, 3)?;
    Ok([&input[..2], &vec![1; input.len() - 2][..]].concat())
}

/// Shape of pointwise operators: sizes of 1 stretch, from the last axis backwards.
pub(super) fn broadcast(call: &Call<'_>) -> Result<Shape, ImportError> {
    let mut shape: Shape = Vec::new();
    for value in call.inputs.iter().copied().flatten() {
        shape = stretched(&shape, &value.shape).ok_or_else(|| {
            let found = format!("{} and {}", shown(&shape), shown(&value.shape));
            call.fault("shapes that stretch to one", &found)
        })?;
    }
    Ok(shape)
}

pub(super) fn stretched(a: &[u64], b: &[u64]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let size = |shape: &[u64], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (1, other) | (other, 1) => Some(other),
            (a, b) => (a == b).then_some(a),
        })
        .collect()
}

/// A matrix product in plain sizes: `batch` times `[m × k] · [k × n]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrices {
    pub(super) batch: u64,
    pub(super) m: u64,
    pub(super) k: u64,
    pub(super) n: u64,
}

pub(super) fn matmul(call: &Call<'_>) -> Result<(Shape, Matrices), ImportError> {
    let (a, b) = (call.ranked(0, 1)?, call.ranked(1, 1)?);
    let fault = || call.fault("matrices that can be multiplied", &format!("{} and {}", shown(a), shown(b)));
    // A vector on the left is a row, on the right a column, and its axis is gone from the result.
    let left = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
    let right = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
    let (outer_a, outer_b) = (&left[..left.len() - 2], &right[..right.len() - 2]);
    let (m, k, n) = (left[left.len() - 2], left[left.len() - 1], right[right.len() - 1]);
    if right[right.len() - 2] != k {
        return Err(fault());
    }
    let outer = stretched(outer_a, outer_b).ok_or_else(fault)?;
    let matrices = Matrices { batch: product(&outer), m, k, n };
    let rows = (a.len() > 1).then_some(m);
    let columns = (b.len() > 1).then_some(n);
    Ok((outer.into_iter().chain(rows).chain(columns).collect(), matrices))
}

pub(super) fn gemm(call: &Call<'_>) -> Result<(Shape, Matrices), ImportError> {
    let (a, b) = (call.ranked(0, 2)?, call.ranked(1, 2)?);
    let turned = |name: &str| call.node.int(name).unwrap_or(0) != 0;
    // Operator sets before 7 let A have more axes and flattened them.
    let a = [a[0], product(&a[1..])];
    let [m, k] = if turned("transA") { [a[1], a[0]] } else { a };
    let [inner, n] = if turned("transB") { [b[1], b[0]] } else { [b[0], b[1]] };
    if inner != k || b.len() != 2 {
        let found = format!("{} and {}", shown(&a), shown(b));
        return Err(call.fault("matrices that can be multiplied", &found));
    }
    Ok((vec![m, n], Matrices { batch: 1, m, k, n }))
}

/// Sums, means and extremes over some axes, all if none are named.
pub(super) fn reduce(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let axes = call.axes(1, shape.len())?.filter(|axes| !axes.is_empty());
    if axes.is_none() && call.node.int("noop_with_empty_axes").unwrap_or(0) != 0 {
        return Ok(shape.to_vec());
    }
    Ok(reduced(shape, axes.as_deref(), call.node.int("keepdims").unwrap_or(1) != 0))
}

/// The index of the largest along one axis.
pub(super) fn arg_reduce(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.ranked(0, 1)?;
    let axis = call.axis(call.node.int("axis").unwrap_or(0), shape.len())?;
    Ok(reduced(shape, Some(&[axis]), call.node.int("keepdims").unwrap_or(1) != 0))
}

fn reduced(shape: &[u64], axes: Option<&[usize]>, keep: bool) -> Shape {
    let gone = |axis: usize| axes.is_none_or(|axes| axes.contains(&axis));
    let size = |(axis, &size): (usize, &u64)| match (gone(axis), keep) {
        (false, _) => Some(size),
        (true, true) => Some(1),
        (true, false) => None,
    };
    shape.iter().enumerate().filter_map(size).collect()
}

/// Pictures made larger or smaller: by factors, or to sizes.
pub(super) fn resize(call: &Call<'_>) -> Result<Shape, ImportError> {
    let shape = call.shape(0)?;
    let upsample = call.node.op_type == "Upsample";
    let scales = call.given(if upsample || call.inputs.len() == 2 { 1 } else { 2 });
    let factors = scales.and_then(|value| value.reals()).filter(|list| list.len() == shape.len());
    let attribute = call.node.reals("scales").filter(|list| list.len() == shape.len());
    if let Some(factors) = factors.as_deref().or(attribute) {
        let scaled = |(&size, &factor): (&u64, &f32)| (size as f64 * f64::from(factor)).floor().max(0.0) as u64;
        return Ok(shape.iter().zip(factors).map(scaled).collect());
    }
    let sizes = call.given(3).and_then(|value| value.ints()).filter(|sizes| sizes.len() == shape.len());
    let Some(sizes) = sizes else {
        return Err(call.fault("factors or sizes that are known beforehand", "neither"));
    };
    sizes
        .iter()
        .map(|&size| u64::try_from(size).map_err(|_error| call.fault("sizes of 0 or more", &size.to_string())))
        .collect()
}
