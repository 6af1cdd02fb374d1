//! Sizes that a file leaves open, such as a batch or the length of a text, and what is assumed for them.

use std::collections::BTreeMap;

use super::model::{Declared, Size, quoted};
use super::value::{self, Shape};
use crate::workload::import::ImportError;

/// Pixels along a side of a picture of open size, as most classification networks take them.
const PICTURE_PIXELS: u64 = 224;
/// Tokens of a text of open length.
const TEXT_TOKENS: u64 = 128;
const COLOURS: u64 = 3;

/// Sizes by their names.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    by_name: BTreeMap<String, u64>,
    /// What was assumed, in words.
    assumed: Vec<String>,
}

/// Most assumptions that are named one by one.
const NAMED_MAX: usize = 12;

impl Sizes {
    /// The shape of an input of the graph; what it leaves open is assumed.
    ///
    /// # Errors
    /// If it has no shape, or one beyond the limits.
    pub(super) fn shape(&mut self, input: &Declared) -> Result<Shape, ImportError> {
        let place = format!("input {}", quoted(&input.name));
        let Some(sizes) = &input.sizes else {
            return Err(ImportError::onnx(&place, "a tensor with a shape", "none"));
        };
        let mut shape = Shape::with_capacity(sizes.len());
        for (axis, size) in sizes.iter().enumerate() {
            let guess = assumed(&input.name, axis, sizes.len());
            shape.push(match size {
                // Some exporters write 0 or -1 for a batch that is open.
                Size::Known(size) if *size < 0 || (*size == 0 && axis == 0) => {
                    self.named(&format!("{axis} of {}", input.name), guess)
                }
                Size::Known(0) => return Err(ImportError::onnx(&place, "sizes of 1 or more", "0")),
                Size::Known(size) => size.cast_unsigned(),
                Size::Named(name) => self.named(name, guess),
                Size::Open => self.named(&format!("{axis} of {}", input.name), guess),
            });
        }
        value::check(&shape).map_err(|(expected, found)| ImportError::onnx(&place, &expected, &found))?;
        Ok(shape)
    }

    /// The size called `name`, which is `guess` if nothing is known of it.
    fn named(&mut self, name: &str, guess: u64) -> u64 {
        if let Some(size) = self.by_name.get(name) {
            return *size;
        }
        // Exporters write sums of other sizes as such.
        let terms: Option<Vec<u64>> = name.split('+').map(|term| self.term(term.trim())).collect();
        let size = match terms {
            Some(terms) if terms.len() > 1 => terms.iter().fold(0_u64, |sum, &term| sum.saturating_add(term)),
            _ if name.contains("batch") => 1,
            _ if name.contains("past") && !name.contains("sequence + ") => 0,
            _ => guess,
        };
        if size != 1 {
            self.assumed.push(format!("size {} is left open; {size} is assumed", quoted(name)));
        }
        self.by_name.insert(name.to_owned(), size);
        size
    }

    fn term(&self, term: &str) -> Option<u64> {
        self.by_name.get(term).copied().or_else(|| term.parse().ok().filter(|&number: &u64| number <= 1 << 31))
    }

    /// A shape that the exporter noted, if all of it is known by now.
    pub(super) fn known(&self, note: &Declared) -> Option<Shape> {
        let size = |size: &Size| match size {
            Size::Known(size) => u64::try_from(*size).ok(),
            Size::Named(name) => self.by_name.get(name).copied(),
            Size::Open => None,
        };
        let shape: Shape = note.sizes.as_ref()?.iter().map(size).collect::<Option<_>>()?;
        value::check(&shape).ok().map(|()| shape)
    }

    /// What was assumed, in words.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.assumed.iter().take(NAMED_MAX).cloned().collect();
        if self.assumed.len() > NAMED_MAX {
            warnings.push(format!("{} more sizes are left open and assumed", self.assumed.len() - NAMED_MAX));
        }
        warnings
    }
}

/// What is taken for an open size of an input.
fn assumed(input: &str, axis: usize, rank: usize) -> u64 {
    match (axis, rank) {
        (0, _) => 1,
        _ if input.contains("past") => 0,
        (1, 4) => COLOURS,
        (2.., 4..) => PICTURE_PIXELS,
        _ => TEXT_TOKENS,
    }
}
