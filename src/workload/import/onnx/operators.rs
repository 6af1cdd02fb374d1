//! Which operator of ours each operator of ONNX is, with its shape.

use super::draft::{Role, weightless};
use super::shapes::{self, Matrices};
use super::value::{Call, Shape, Value, product};
use crate::workload::graph::{Convolution, OpKind, Reach, Tokens};
use crate::workload::import::ImportError;

/// What a node computes.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) shapes: Vec<Shape>,
    /// The axis of the first output that is its width.
    pub(super) axis: usize,
    pub(super) kind: OpKind,
    pub(super) tokens: Tokens,
    pub(super) role: Role,
    /// Inputs that are weights, of which parameters are counted.
    pub(super) weights: Vec<usize>,
}

/// Standard operators that others are written like: the name, and where its inputs stand.
pub(super) fn canonical(op_type: &str) -> (&str, Option<&'static [usize]>) {
    match op_type {
        "QLinearConv" => ("Conv", Some(&[0, 3, 8])),
        "ConvInteger" => ("Conv", Some(&[0, 1])),
        "FusedConv" => ("Conv", Some(&[0, 1, 2])),
        "QLinearMatMul" => ("MatMul", Some(&[0, 3])),
        "MatMulInteger" | "FusedMatMul" => ("MatMul", Some(&[0, 1])),
        "FusedGemm" => ("Gemm", None),
        "QLinearAdd" => ("Add", Some(&[0, 3])),
        "QLinearGlobalAveragePool" => ("GlobalAveragePool", Some(&[0])),
        // Masks and caches neither own nor cost anything here.
        "Attention" | "MultiHeadAttention" | "GroupQueryAttention" => (op_type, Some(&[0, 1, 2])),
        "SimplifiedLayerNormalization" | "RMSNormalization" => ("LayerNormalization", None),
        other => (other, None),
    }
}

/// What a node computes that makes new numbers of activations; `None` for one that is not known.
pub(super) fn meaning(call: &Call<'_>, op_type: &str, batch: u64) -> Result<Option<Meaning>, ImportError> {
    Ok(Some(match op_type {
        "Conv" => convolution(call, batch)?,
        "ConvTranspose" => transposed_convolution(call, batch)?,
        "MatMul" => {
            let (shape, matrices) = shapes::matmul(call)?;
            matrix_product(call, shape, matrices, batch)
        }
        "Gemm" => {
            let (shape, matrices) = shapes::gemm(call)?;
            matrix_product(call, shape, matrices, batch)
        }
        "BatchNormalization" => {
            let shape = call.ranked(0, 2)?.to_vec();
            Meaning { role: Role::ChannelScale, weights: vec![1, 2], ..norm(shape, 1, batch) }
        }
        "InstanceNormalization" | "GroupNormalization" | "GroupNorm" => {
            Meaning { weights: vec![1, 2], ..norm(call.ranked(0, 2)?.to_vec(), 1, batch) }
        }
        "LRN" | "MeanVarianceNormalization" => norm(call.ranked(0, 2)?.to_vec(), 1, batch),
        "LpNormalization" => {
            let shape = call.ranked(0, 1)?.to_vec();
            let axis = call.axis(call.node.int("axis").unwrap_or(-1), shape.len())?;
            norm(shape, axis, batch)
        }
        "LayerNormalization" => Meaning { weights: vec![1, 2], ..layer_norm(call, batch)? },
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => {
            Meaning { weights: vec![2, 3, 4], ..layer_norm(call, batch)? }
        }
        "MaxPool" | "AveragePool" | "LpPool" => {
            let taps = product(&shapes::pooling_window(call)?.kernel);
            pooling(shapes::pooling(call)?, taps, batch)
        }
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
            let taps = product(&call.ranked(0, 3)?[2..]);
            pooling(shapes::global_pooling(call)?, taps, batch)
        }
        "Attention" | "MultiHeadAttention" | "GroupQueryAttention" => return attention(call, batch),
        "Softmax" | "LogSoftmax" | "Hardmax" => softmax(call, batch)?,
        "Concat" => concat(call, batch)?,
        "Resize" | "Upsample" => {
            let shape = shapes::resize(call)?;
            elementwise(shape, call.input(0)?.axis, 1, batch)
        }
        "CumSum" => elementwise(call.shape(0)?.to_vec(), call.input(0)?.axis, 1, batch),
        "ArgMax" | "ArgMin" => reduction(call, shapes::arg_reduce(call)?, batch)?,
        reducing if reducing.starts_with("Reduce") => reduction(call, shapes::reduce(call)?, batch)?,
        pointwise if is_activation(pointwise) => activation(call, pointwise, batch)?,
        pointwise if is_arithmetic(pointwise) => arithmetic(call, pointwise, batch)?,
        _ => return Ok(None),
    }))
}

/// Positions of one sample in a tensor whose width lies along `axis`.
fn positions(shape: &[u64], axis: usize, batch: u64) -> Tokens {
    let width = shape.get(axis).copied().unwrap_or(1).max(1);
    Tokens::Count((product(shape) / width).div_ceil(batch).max(1))
}

fn plain(shape: Shape, axis: usize, kind: OpKind, role: Role, batch: u64) -> Meaning {
    let tokens = positions(&shape, axis, batch);
    Meaning { shapes: vec![shape], axis, kind, tokens, role, weights: Vec::new() }
}

/// One element at a time of `operands` tensors.
pub(super) fn elementwise(shape: Shape, axis: usize, operands: u64, batch: u64) -> Meaning {
    let axis = axis.min(shape.len().saturating_sub(1));
    let width = shape.get(axis).copied().unwrap_or(1);
    plain(shape, axis, OpKind::Elementwise { width, operands }, Role::Other, batch)
}

fn norm(shape: Shape, axis: usize, batch: u64) -> Meaning {
    let width = shape[axis];
    plain(shape, axis, OpKind::Norm { width, keeps_sum: false }, Role::Norm, batch)
}

fn layer_norm(call: &Call<'_>, batch: u64) -> Result<Meaning, ImportError> {
    let shape = call.ranked(0, 1)?.to_vec();
    call.axis(call.node.int("axis").unwrap_or(-1), shape.len())?;
    let axis = shape.len() - 1;
    let shapes = vec![shape.clone(); call.node.outputs.len().max(1)];
    Ok(Meaning { shapes, ..norm(shape, axis, batch) })
}

fn pooling(shape: Shape, taps: u64, batch: u64) -> Meaning {
    let kind = OpKind::Pooling { width: shape[1], taps: taps.max(1) };
    // The second output of a maximum is where it was found.
    let shapes = vec![shape.clone(); 2];
    Meaning { shapes, ..plain(shape, 1, kind, Role::Other, batch) }
}

/// Height and width; a line is one pixel high, and of a volume height holds depth times height.
fn flat(sizes: &[u64]) -> [u64; 2] {
    match sizes {
        [] => [1, 1],
        [height @ .., width] => [product(height), *width],
    }
}

fn convolution(call: &Call<'_>, batch: u64) -> Result<Meaning, ImportError> {
    let shape = shapes::convolution(call)?;
    let window = shapes::convolution_window(call)?;
    let kind = OpKind::Convolution(Convolution {
        in_channels: call.shape(0)?[1],
        out_channels: shape[1],
        groups: shapes::groups(call)?,
        window: flat(&window.kernel),
        stride: flat(&window.strides),
        output: flat(&shape[2..]),
    });
    Ok(Meaning { weights: vec![1, 2], ..plain(shape, 1, kind, Role::Product, batch) })
}

/// A pixel of the output is the sum of those taps of the window that meet a pixel of the input: one in `stride`.
fn transposed_convolution(call: &Call<'_>, batch: u64) -> Result<Meaning, ImportError> {
    let shape = shapes::transposed_convolution(call)?;
    let window = shapes::convolution_window(call)?;
    let met: Vec<u64> =
        window.kernel.iter().zip(&window.strides).map(|(taps, stride)| taps.div_ceil(*stride)).collect();
    let kind = OpKind::Convolution(Convolution {
        in_channels: call.shape(0)?[1],
        out_channels: shape[1],
        groups: shapes::groups(call)?,
        window: flat(&met),
        stride: [1, 1],
        output: flat(&shape[2..]),
    });
    Ok(Meaning { weights: vec![1, 2], ..plain(shape, 1, kind, Role::Product, batch) })
}

fn matrix_product(call: &Call<'_>, shape: Shape, matrices: Matrices, batch: u64) -> Meaning {
    let constant = |index: usize| call.given(index).is_some_and(Value::is_constant);
    let Matrices { m, k, n, .. } = matrices;
    let last = shape.len().saturating_sub(1);
    let rest = |width: u64| Tokens::Count((product(&shape) / width.max(1)).div_ceil(batch).max(1));
    let held = if constant(1) { call.given(1) } else { call.given(0).filter(|_| constant(0)) };
    let Some(held) = held else {
        let (kind, tokens) = weightless(matrices, batch);
        return Meaning {
            shapes: vec![shape],
            axis: last,
            kind,
            tokens,
            role: Role::Scores(matrices),
            weights: vec![2],
        };
    };
    // Weights on the left mix the rows of each matrix on the right, as token mixing does.
    let (width, axis, slot) = if constant(1) { (n, last, 1) } else { (m, last.saturating_sub(1), 0) };
    let copies = product(&held.shape) / (k * width).max(1);
    let (kind, tokens) = if copies <= 1 {
        (OpKind::MatMul { k, n: width }, rest(width))
    } else {
        // A matrix of its own for each of several slices; all of them are used.
        (OpKind::Experts { k, n: width, experts: copies, chosen: copies }, rest(width.saturating_mul(copies)))
    };
    Meaning { shapes: vec![shape], axis, kind, tokens, role: Role::Product, weights: vec![slot, 2] }
}

/// Attention as one operator: queries, keys and values with their heads side by side, or on an axis of their own.
/// `None` for one that holds its projections too, or takes all three packed in one tensor.
fn attention(call: &Call<'_>, batch: u64) -> Result<Option<Meaning>, ImportError> {
    let [Some(q), Some(k), Some(v)] = [0, 1, 2].map(|index| call.given(index)) else { return Ok(None) };
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| call.node.int(name)).map(i64::unsigned_abs);
    let apart = q.shape.len() == 4;
    let fits = |value: &Value| value.shape.len() == q.shape.len() && !value.is_constant() && value.elements() > 0;
    if !matches!(q.shape.len(), 3 | 4) || ![q, k, v].into_iter().all(fits) {
        return Ok(None);
    }
    let heads = if apart { Some(q.shape[1]) } else { count(["q_num_heads", "num_heads"]) };
    let heads = heads.filter(|&heads| heads > 0);
    let Some(heads) = heads else { return Err(call.fault("a number of heads", "none")) };
    let kv_heads = if apart { k.shape[1] } else { count(["kv_num_heads", "num_heads"]).unwrap_or(heads).max(1) };
    let last = q.shape.len() - 1;
    let width = |value: &Value, heads: u64| if apart { value.shape[last] } else { value.shape[last] / heads };
    let (head_dim, value_dim) = (width(q, heads), width(v, kv_heads));
    let (queries, keys) = (q.shape[last - 1], k.shape[last - 1]);
    if head_dim == 0 || value_dim == 0 || width(k, kv_heads) != head_dim || !heads.is_multiple_of(kv_heads) {
        let found = [q, k, v].map(|value| super::value::shown(&value.shape)).join(", ");
        return Err(call.fault(&format!("queries, keys and values of {heads} and {kv_heads} heads"), &found));
    }
    let mut shape = q.shape.clone();
    shape[last] = if apart { value_dim } else { heads.saturating_mul(value_dim) };
    // A sequence of the batch sees its own keys alone.
    let tokens = Tokens::Count(q.shape[0].div_ceil(batch).saturating_mul(queries).max(1));
    let own = keys == queries && tokens == Tokens::Count(queries);
    let reach = if own { Reach::Sequence } else { Reach::Memory(keys) };
    let kind = OpKind::Attention { heads, kv_heads, head_dim, value_dim, reach };
    Ok(Some(Meaning { tokens, ..plain(shape, last, kind, Role::Other, batch) }))
}

fn softmax(call: &Call<'_>, batch: u64) -> Result<Meaning, ImportError> {
    let shape = call.ranked(0, 1)?.to_vec();
    let axis = call.node.int("axis").unwrap_or(if call.opset >= 13 { -1 } else { 1.min(shape.len() as i64 - 1) });
    let axis = call.axis(axis, shape.len())?;
    let kind = OpKind::Activation { width: shape[axis], gated: false };
    Ok(plain(shape, axis, kind, Role::Softmax, batch))
}

fn concat(call: &Call<'_>, batch: u64) -> Result<Meaning, ImportError> {
    let shape = concat_shape(call)?;
    let width_axis = call.inputs.iter().flatten().find(|value| !value.is_constant()).map_or(0, |value| value.axis);
    let weights = (0..call.inputs.len()).collect();
    Ok(Meaning { weights, ..elementwise(shape, width_axis, 1, batch) })
}

/// The shape of tensors one after the other along an axis.
fn concat_shape(call: &Call<'_>) -> Result<Shape, ImportError> {
    let mut shape = call.ranked(0, 1)?.to_vec();
    let axis = call.axis(call.node.int("axis").unwrap_or(1), shape.len())?;
    for value in call.inputs.iter().skip(1).flatten() {
        let other = &value.shape;
        let same = |at: usize| at == axis || other[at] == shape[at];
        if other.len() != shape.len() || !(0..shape.len()).all(same) {
            let found = format!("{} and {}", super::value::shown(&shape), super::value::shown(other));
            return Err(call.fault("shapes that differ in one axis only", &found));
        }
        shape[axis] = shape[axis].saturating_add(other[axis]);
    }
    Ok(shape)
}

fn reduction(call: &Call<'_>, shape: Shape, batch: u64) -> Result<Meaning, ImportError> {
    let input = call.input(0)?;
    let taps = (input.elements() / product(&shape).max(1)).max(1);
    let over_width = shape.len() == input.shape.len()
        && (0..shape.len()).all(|at| (at == input.axis) == (shape[at] != input.shape[at]) || input.shape[at] == 1);
    let axis = if input.axis < shape.len() { input.axis } else { shape.len().saturating_sub(1) };
    let width = shape.get(axis).copied().unwrap_or(1);
    let role = if over_width { Role::Reduction } else { Role::Other };
    Ok(plain(shape, axis, OpKind::Pooling { width, taps }, role, batch))
}

/// Functions of one tensor that count as an activation.
fn is_activation(op_type: &str) -> bool {
    is_cheap(op_type)
        || matches!(
            op_type,
            "Sigmoid" | "Tanh" | "Elu" | "Selu" | "Celu" | "Softplus" | "Softsign" | "HardSigmoid" | "HardSwish"
        )
        || matches!(op_type, "Gelu" | "FastGelu" | "BiasGelu" | "QuickGelu" | "Mish" | "Swish" | "Erf" | "Exp" | "Log")
        || matches!(op_type, "Sqrt" | "Reciprocal" | "Sin" | "Cos" | "Tan" | "Atan" | "Sinh" | "Cosh" | "Asin" | "Acos")
}

/// Activations of a comparison or two, which cost next to nothing on the way out of a product.
fn is_cheap(op_type: &str) -> bool {
    matches!(op_type, "Relu" | "LeakyRelu" | "PRelu" | "Clip" | "ThresholdedRelu")
}

/// Functions of one or more tensors that are a single operation an element.
fn is_arithmetic(op_type: &str) -> bool {
    matches!(op_type, "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Sum" | "Mean" | "Max" | "Min" | "Mod" | "Where")
        || matches!(op_type, "Neg" | "Abs" | "Floor" | "Ceil" | "Round" | "Sign" | "Not" | "IsNaN" | "IsInf")
        || matches!(op_type, "Equal" | "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual" | "And" | "Or" | "Xor")
        || matches!(op_type, "BitShift" | "BitwiseAnd" | "BitwiseOr" | "BitwiseNot" | "BitwiseXor")
}

fn activation(call: &Call<'_>, op_type: &str, batch: u64) -> Result<Meaning, ImportError> {
    let value = call.input(0)?;
    let axis = value.axis.min(value.shape.len().saturating_sub(1));
    let kind = OpKind::Activation { width: value.width(), gated: false };
    let role = Role::Pointwise { cheap: is_cheap(op_type) };
    let weights = if matches!(op_type, "PRelu" | "BiasGelu" | "FastGelu") { vec![1] } else { Vec::new() };
    Ok(Meaning { weights, ..plain(value.shape.clone(), axis, kind, role, batch) })
}

fn arithmetic(call: &Call<'_>, op_type: &str, batch: u64) -> Result<Meaning, ImportError> {
    let shape = shapes::broadcast(call)?;
    let active: Vec<&Value> = call.inputs.iter().copied().flatten().filter(|value| !value.is_constant()).collect();
    // The largest operand says which axis is the width.
    let leader = active.iter().rev().max_by_key(|value| value.elements());
    let from_end = leader.map_or(1, |value| value.shape.len().saturating_sub(value.axis).max(1));
    let axis = shape.len().saturating_sub(from_end);
    let trained = matches!(op_type, "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Sum");
    let weights = if trained { (0..call.inputs.len()).collect() } else { Vec::new() };
    let equal = active.len() == 2 && active.iter().all(|value| value.shape == shape);
    let constants = call.inputs.iter().flatten().filter(|value| value.is_constant());
    let per_channel = |value: &Value| value.elements() == shape.get(axis).copied().unwrap_or(1);
    let role = match op_type {
        "Add" | "Sum" if equal => Role::Sum,
        "Add" if active.len() == 1 && constants.clone().all(|value| per_channel(value)) => Role::Bias,
        _ => Role::Pointwise { cheap: false },
    };
    Ok(Meaning { role, weights, ..elementwise(shape, axis, active.len().max(1) as u64, batch) })
}
