//! What the numbers of a map layer mean: title, unit, range, colours, and how several cores become one pixel.

use super::ramp::{CATEGORICAL, Ramp, Rgba, Table};
use crate::units::format;

/// How the values of several cores become the value of one pixel. The legend says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Area-weighted average: rates and utilisation.
    Mean,
    /// The largest of all cores that the pixel touches: SRAM, congestion. No lone hot core is lost.
    Max,
    /// Sum of the cores whose middle lies in the pixel: defects.
    Count,
    /// The most frequent category, the lower index among equals.
    Majority,
}

/// One kind of thing of a categorical layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub name: String,
    pub colour: Rgba,
}

/// A layer of the map, one `u8` per logical core.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerInfo {
    /// Name for people: `Core utilisation`.
    pub title: String,
    /// Unit of [`Self::low`] and [`Self::high`]; empty for categories.
    pub unit: &'static str,
    pub ramp: Ramp,
    pub reduction: Reduction,
    /// What the value 0 stands for.
    pub low: f64,
    /// What the value 255 stands for.
    pub high: f64,
    /// Names and colours by value; empty for quantities.
    pub categories: Vec<Category>,
}

impl LayerInfo {
    /// Share of the cycles of the last interval in which a core worked: 0 to 255 is 0 to 100 %.
    pub fn utilisation() -> Self {
        Self::quantity("Core utilisation", "%", Ramp::Viridis, Reduction::Mean, 100.0)
    }

    /// SRAM in use now, of `capacity_bytes` per core: 0 to 255 is empty to full.
    pub fn sram_now(capacity_bytes: u32) -> Self {
        Self::quantity("SRAM in use", "KiB", Ramp::Cividis, Reduction::Max, f64::from(capacity_bytes) / 1024.0)
    }

    /// The largest use of SRAM over the run, of `capacity_bytes` per core.
    pub fn sram_peak(capacity_bytes: u32) -> Self {
        Self::quantity("SRAM at its peak", "KiB", Ramp::Cividis, Reduction::Max, f64::from(capacity_bytes) / 1024.0)
    }

    /// Dead cores behind each logical core.
    pub fn defects() -> Self {
        Self::quantity("Defects", "dead cores", Ramp::Magma, Reduction::Count, 255.0)
    }

    /// A layer of kinds: each value is the index of a category.
    pub fn categorical(title: &str, categories: Vec<Category>) -> Self {
        let (ramp, reduction) = (Ramp::Categorical, Reduction::Majority);
        Self { title: title.to_owned(), unit: "", ramp, reduction, low: 0.0, high: 255.0, categories }
    }

    /// A layer of kinds with the eight colours in their order of use, repeated beyond eight.
    pub fn named(title: &str, names: &[&str]) -> Self {
        let categories = names.iter().zip(CATEGORICAL.iter().cycle());
        let categories = categories.map(|(name, &colour)| Category { name: (*name).to_owned(), colour });
        Self::categorical(title, categories.collect())
    }

    fn quantity(title: &str, unit: &'static str, ramp: Ramp, reduction: Reduction, high: f64) -> Self {
        Self { title: title.to_owned(), unit, ramp, reduction, low: 0.0, high, categories: Vec::new() }
    }

    /// Whether values are indices of categories.
    pub fn is_categorical(&self) -> bool {
        self.ramp == Ramp::Categorical
    }

    /// The colours when `range` of values fills the colour map; categories use their own.
    pub fn table(&self, range: (u8, u8)) -> Table {
        let mut table = self.ramp.ranged(range.0, range.1);
        for (slot, category) in table.iter_mut().zip(&self.categories) {
            *slot = category.colour;
        }
        table
    }

    /// The quantity behind a value, in [`Self::unit`].
    pub fn quantity_of(&self, value: f64) -> f64 {
        self.low + (self.high - self.low) * value / 255.0
    }

    /// The nearest value that stands for a quantity.
    pub fn value_of(&self, quantity: f64) -> u8 {
        let span = self.high - self.low;
        if span == 0.0 { 0 } else { ((quantity - self.low) / span * 255.0).round().clamp(0.0, 255.0) as u8 }
    }

    /// A value in words, without its unit: `82`, `38.2`, `compute`.
    pub fn words(&self, value: f64) -> String {
        if self.is_categorical() {
            let category = self.categories.get(value as usize);
            return category.map_or_else(|| "unknown".to_owned(), |category| category.name.clone());
        }
        let quantity = self.quantity_of(value);
        let decimals = usize::from(self.unit == "KiB");
        format!("{quantity:.decimals$}")
    }

    /// How a pixel was made when it holds `cores` (across, down): `mean of 1.3 × 2.0 cores/px`.
    pub fn pixel_note(&self, cores: [f64; 2]) -> String {
        if cores[0] <= 1.0 && cores[1] <= 1.0 {
            return "one cell per core, no aggregation".to_owned();
        }
        let word = match self.reduction {
            Reduction::Mean => "mean",
            Reduction::Max => "max",
            Reduction::Count => "count",
            Reduction::Majority => "most frequent",
        };
        let digits = |count: f64| if count >= 10.0 { format::three_digits(count) } else { format!("{count:.1}") };
        format!("{word} of {} × {} cores/px", digits(cores[0]), digits(cores[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_quantities_convert_both_ways() {
        let sram = LayerInfo::sram_now(49_152);
        assert_eq!(sram.quantity_of(255.0), 48.0);
        assert_eq!(sram.words(203.0), "38.2");
        for value in 0..=255 {
            assert_eq!(sram.value_of(sram.quantity_of(f64::from(value))), value);
        }
        assert_eq!(sram.value_of(1e9), 255);
        assert_eq!(sram.value_of(f64::NAN), 0);
    }

    #[test]
    fn the_note_says_how_a_pixel_was_made() {
        let layer = LayerInfo::utilisation();
        assert_eq!(layer.pixel_note([1.32, 2.04]), "mean of 1.3 × 2.0 cores/px");
        assert_eq!(LayerInfo::sram_now(49_152).pixel_note([11.9, 18.4]), "max of 11.9 × 18.4 cores/px");
        assert_eq!(layer.pixel_note([0.1, 0.2]), "one cell per core, no aggregation");
    }

    #[test]
    fn categories_keep_their_names_and_colours() {
        let state = LayerInfo::named("State", &["compute", "send"]);
        assert_eq!(state.words(1.0), "send");
        assert_eq!(state.words(9.0), "unknown");
        assert_eq!(state.table((10, 20))[1], CATEGORICAL[1]);
    }
}
