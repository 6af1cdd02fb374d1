//! What is known of a tensor while a graph is walked: its shape, whether it is constant, and which operator makes it.

use std::rc::Rc;

use super::model::{Node, Numbers, quoted};
use crate::workload::import::ImportError;

/// Sizes of a tensor, slowest axis first.
pub(super) type Shape = Vec<u64>;

/// Most elements of one tensor (2⁴⁰), so that products of a few of them do not overflow.
pub(super) const ELEMENTS_MAX: u64 = 1 << 40;

/// A trained tensor of the file, however it was turned and cut since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) id: u32,
    /// Elements of all of it.
    pub(super) elements: u64,
}

/// Where a tensor comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// The same in every run: small numbers that shapes may need, and the parameter that it is made of.
    Constant { numbers: Option<Numbers>, root: Option<Root> },
    /// An input of the graph.
    Input,
    /// The output of a draft.
    Made(u32),
}

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) shape: Shape,
    /// The axis that is the width of an activation; the others are its positions.
    pub(super) axis: usize,
    pub(super) origin: Origin,
}

impl Value {
    pub(super) fn is_constant(&self) -> bool {
        matches!(self.origin, Origin::Constant { .. })
    }

    pub(super) fn maker(&self) -> Option<u32> {
        match self.origin {
            Origin::Made(draft) => Some(draft),
            _ => None,
        }
    }

    pub(super) fn root(&self) -> Option<Root> {
        match self.origin {
            Origin::Constant { root, .. } => root,
            _ => None,
        }
    }

    /// Whole numbers, if they are known.
    pub(super) fn ints(&self) -> Option<Rc<[i64]>> {
        match &self.origin {
            Origin::Constant { numbers: Some(Numbers::Ints(list)), .. } => Some(Rc::clone(list)),
            _ => None,
        }
    }

    /// Real numbers, if they are known.
    pub(super) fn reals(&self) -> Option<Rc<[f32]>> {
        match &self.origin {
            Origin::Constant { numbers: Some(Numbers::Reals(list)), .. } => Some(Rc::clone(list)),
            _ => None,
        }
    }

    pub(super) fn elements(&self) -> u64 {
        product(&self.shape)
    }

    /// Size of the width.
    pub(super) fn width(&self) -> u64 {
        self.shape.get(self.axis).copied().unwrap_or(1)
    }
}

/// Elements of a shape that was checked by [`Call::checked`].
pub(super) fn product(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// A node with what is known of its inputs.
pub(super) struct Call<'a> {
    pub(super) node: &'a Node,
    /// `None` for an optional input that is left out.
    pub(super) inputs: Vec<Option<&'a Value>>,
    pub(super) opset: i64,
}

impl<'a> Call<'a> {
    pub(super) fn fault(&self, expected: &str, found: &str) -> ImportError {
        ImportError::onnx(&self.node.title(), expected, found)
    }

    pub(super) fn given(&self, index: usize) -> Option<&'a Value> {
        self.inputs.get(index).copied().flatten()
    }

    pub(super) fn input(&self, index: usize) -> Result<&'a Value, ImportError> {
        self.given(index).ok_or_else(|| {
            let found = format!("{} inputs", self.inputs.len());
            self.fault(&format!("an input {}", index + 1), &found)
        })
    }

    pub(super) fn shape(&self, index: usize) -> Result<&'a [u64], ImportError> {
        Ok(&self.input(index)?.shape)
    }

    /// The shape of an input with exactly `rank` axes.
    pub(super) fn ranked(&self, index: usize, least: usize) -> Result<&'a [u64], ImportError> {
        let shape = self.shape(index)?;
        if shape.len() < least {
            let expected = format!("an input {} of at least {least} axes", index + 1);
            return Err(self.fault(&expected, &shown(shape)));
        }
        Ok(shape)
    }

    /// An axis counted from the front; negative ones count from the end.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, ImportError> {
        let counted = if axis < 0 { axis + rank as i64 } else { axis };
        usize::try_from(counted).ok().filter(|&counted| counted < rank).ok_or_else(|| {
            let expected = format!("an axis of a tensor with {rank} axes");
            self.fault(&expected, &axis.to_string())
        })
    }

    /// Axes from an attribute or, in newer operator sets, from input `index`; `None` if neither gives them.
    pub(super) fn axes(&self, index: usize, rank: usize) -> Result<Option<Vec<usize>>, ImportError> {
        let from_input = self.given(index).map(|value| {
            value.ints().ok_or_else(|| self.fault("axes that are known beforehand", "axes that are computed"))
        });
        let axes: Vec<i64> = match (self.node.ints("axes"), from_input.transpose()?) {
            (Some(axes), _) => axes.to_vec(),
            (None, Some(axes)) => axes.to_vec(),
            (None, None) => return Ok(None),
        };
        axes.into_iter().map(|axis| self.axis(axis, rank)).collect::<Result<_, _>>().map(Some)
    }

    /// Numbers of a window, one for each of `count` axes, at least 1 each.
    pub(super) fn window(&self, name: &str, count: usize) -> Result<Option<Vec<u64>>, ImportError> {
        let Some(numbers) = self.node.ints(name) else { return Ok(None) };
        let found = || format!("{numbers:?}");
        if numbers.len() != count {
            return Err(self.fault(&format!("{count} numbers for {name}"), &found()));
        }
        let small = |&number: &i64| u64::try_from(number).ok().filter(|number| (1..1 << 31).contains(number));
        let sizes: Option<Vec<u64>> = numbers.iter().map(small).collect();
        sizes.map(Some).ok_or_else(|| self.fault(&format!("{name} from 1 to 2^31"), &found()))
    }

    /// A shape within the limits.
    pub(super) fn checked(&self, shape: Shape) -> Result<Shape, ImportError> {
        check(&shape).map(|()| shape).map_err(|(expected, found)| self.fault(&expected, &found))
    }
}

/// Whether a shape is within the limits; otherwise what was expected and what was found.
pub(super) fn check(shape: &[u64]) -> Result<(), (String, String)> {
    let elements = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size.max(1)));
    match elements {
        Some(elements) if elements <= ELEMENTS_MAX && shape.len() <= super::model::RANK_MAX => Ok(()),
        _ => Err(("tensors of at most 2^40 elements on 16 axes".to_owned(), shown(shape))),
    }
}

/// A shape in a sentence: `1×3×224×224`.
pub(super) fn shown(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "a single number".to_owned();
    }
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}

/// A name that nothing makes.
pub(super) fn dangling(node: &Node, name: &str, made_later: bool) -> ImportError {
    let found = if made_later {
        format!("{}, which a later node makes (a cycle, or nodes out of order)", quoted(name))
    } else {
        format!("{}, which nothing makes", quoted(name))
    };
    ImportError::onnx(&node.title(), "inputs that earlier nodes make", &found)
}
