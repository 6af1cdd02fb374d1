//! Arithmetic on the few whole numbers that exporters compute shapes with, such as `Shape → Gather → Concat → Reshape`.
//!
//! Works on lists of at most 256 numbers; what is longer or unknown stays unknown. Overflow makes a number unknown too.

use super::model::{NUMBERS_MAX, Numbers};
use super::moves;
use super::value::Call;

/// The numbers of the only output of a node whose inputs are all constant, if they can be told.
pub(super) fn numbers(call: &Call<'_>, shape: &[u64]) -> Option<Numbers> {
    let count = usize::try_from(super::value::product(shape)).ok().filter(|&count| count <= NUMBERS_MAX)?;
    if let ("Cast" | "Identity", Some(reals)) = (call.node.op_type.as_str(), call.given(0)?.reals()) {
        // Sizes take the way through floating point in some exports; to FLOAT is type 1.
        let stays = call.node.op_type == "Identity" || call.node.int("to") == Some(1);
        return Some(if stays {
            Numbers::Reals(reals)
        } else {
            Numbers::Ints(reals.iter().map(|&number| number as i64).collect())
        });
    }
    if let ("Concat", Some(_)) = (call.node.op_type.as_str(), call.given(0)?.reals()) {
        let lists: Option<Vec<_>> = call.inputs.iter().map(|value| (*value)?.reals()).collect();
        return Some(Numbers::Reals(lists?.iter().flat_map(|list| list.iter().copied()).collect()));
    }
    if call.inputs.iter().flatten().any(|value| value.reals().is_some()) {
        return reals(call, count).map(|list| Numbers::Reals(list.into()));
    }
    let list = ints(call, count, shape)?;
    (list.len() == count).then(|| Numbers::Ints(list.into()))
}

/// Arithmetic in which some number is real, as on the way from sizes over a factor to other sizes.
fn reals(call: &Call<'_>, count: usize) -> Option<Vec<f32>> {
    let list = |index: usize| -> Option<Vec<f32>> {
        let value = call.given(index)?;
        let whole = || value.ints().map(|list| list.iter().map(|&number| number as f32).collect());
        value.reals().map(|list| list.to_vec()).or_else(whole)
    };
    let at = |list: &[f32], at: usize| if list.len() == 1 { list.first().copied() } else { list.get(at).copied() };
    let a = list(0)?;
    let both = |function: fn(f32, f32) -> f32| -> Option<Vec<f32>> {
        let b = list(1)?;
        (0..count).map(|index| Some(function(at(&a, index)?, at(&b, index)?))).collect()
    };
    let found: Vec<f32> = match call.node.op_type.as_str() {
        "Add" => both(|a, b| a + b)?,
        "Sub" => both(|a, b| a - b)?,
        "Mul" => both(|a, b| a * b)?,
        "Div" => both(|a, b| a / b)?,
        "Floor" => a.iter().map(|number| number.floor()).collect(),
        "Ceil" => a.iter().map(|number| number.ceil()).collect(),
        "Reshape" | "Squeeze" | "Unsqueeze" => a,
        _ => return None,
    };
    (found.len() == count).then_some(found)
}

fn ints(call: &Call<'_>, count: usize, shape: &[u64]) -> Option<Vec<i64>> {
    let list = |index: usize| call.given(index)?.ints();
    let flat = shape.len() <= 1;
    Some(match call.node.op_type.as_str() {
        "Identity" | "Cast" | "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => list(0)?.to_vec(),
        "Concat" if flat => {
            let lists: Option<Vec<_>> = call.inputs.iter().map(|value| (*value)?.ints()).collect();
            lists?.iter().flat_map(|list| list.iter().copied()).collect()
        }
        "Gather" if call.given(0)?.shape.len() == 1 => {
            let from = list(0)?;
            let at = |&index: &i64| {
                let counted = if index < 0 { index.checked_add(from.len() as i64)? } else { index };
                from.get(usize::try_from(counted).ok()?).copied()
            };
            list(1)?.iter().map(at).collect::<Option<_>>()?
        }
        "Slice" if flat => {
            let from = list(0)?;
            let ranges = moves::slice_ranges(call, &call.given(0)?.shape).ok()?;
            let &[(_, range)] = ranges.as_slice() else { return None };
            let at = |index: u64| from.get((range.start + index as i64 * range.step) as usize).copied();
            (0..range.count.min(NUMBERS_MAX as u64)).map(at).collect::<Option<_>>()?
        }
        "Expand" | "Tile" => {
            let from = list(0)?;
            let &[number] = &from[..] else { return None };
            vec![number; count]
        }
        "Range" => {
            let (start, step) = (*list(0)?.first()?, *list(2)?.first()?);
            (0..count as i64).map(|at| start.checked_add(step.checked_mul(at)?)).collect::<Option<_>>()?
        }
        "Where" => {
            let (condition, yes, no) = (list(0)?, list(1)?, list(2)?);
            let pick = |at| Some(if nth(&condition, at)? != 0 { nth(&yes, at)? } else { nth(&no, at)? });
            (0..count).map(pick).collect::<Option<_>>()?
        }
        "ReduceProd" if count == 1 => {
            vec![list(0)?.iter().try_fold(1_i64, |product, &number| product.checked_mul(number))?]
        }
        "Neg" => list(0)?.iter().map(|number| number.checked_neg()).collect::<Option<_>>()?,
        "Not" => list(0)?.iter().map(|&number| i64::from(number == 0)).collect(),
        _ => {
            let (a, b) = (list(0)?, list(1)?);
            if call.inputs.len() != 2 || !flat {
                return None;
            }
            let both = |at| pair(&call.node.op_type, nth(&a, at)?, nth(&b, at)?);
            (0..count).map(both).collect::<Option<_>>()?
        }
    })
}

/// The number at a place of a list, a single one standing for all.
fn nth(list: &[i64], at: usize) -> Option<i64> {
    if list.len() == 1 { list.first().copied() } else { list.get(at).copied() }
}

fn pair(op_type: &str, a: i64, b: i64) -> Option<i64> {
    match op_type {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Mod" => a.checked_rem_euclid(b),
        "Max" => Some(a.max(b)),
        "Min" => Some(a.min(b)),
        "Equal" => Some(i64::from(a == b)),
        "Greater" => Some(i64::from(a > b)),
        "Less" => Some(i64::from(a < b)),
        "And" => Some(i64::from(a != 0 && b != 0)),
        "Or" => Some(i64::from(a != 0 || b != 0)),
        _ => None,
    }
}
