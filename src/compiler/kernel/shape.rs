//! The shapes of a kernel: which rectangles can hold it, and which of them are worth anything.
//!
//! Of two shapes the worse is no better in width, height, time and SRAM; what is left without the worse ones is the
//! Pareto set. Sizing asks for points of it without writing it down: at a fixed height, time and SRAM only fall as a
//! rectangle gets wider, so the narrowest one that meets a target is found by bisection.

use super::{Form, Library};
use crate::units::Cycles;

/// A rectangle for a kernel, and what the kernel costs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    /// Groups of columns that share the positions.
    pub groups: u32,
    /// Time to take in and compute one micro-batch.
    pub cycles: Cycles,
    pub sram_bytes_per_core: u64,
}

impl Shape {
    /// Cores that it takes.
    pub fn cores(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether `other` is at least as good in everything.
    pub fn is_covered_by(&self, other: &Self) -> bool {
        other.width <= self.width
            && other.height <= self.height
            && other.cycles <= self.cycles
            && other.sram_bytes_per_core <= self.sram_bytes_per_core
    }
}

/// Numbers of groups that a product may cut its columns into.
const GROUPS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Longest side of a kernel in cores.
const SIDE_MAX: u64 = 4_096;

impl Library<'_> {
    /// Width and height beyond which there is nothing left to share.
    pub fn side_max(&self, form: &Form) -> (u32, u32) {
        let cut = Self::cut(form, form.copies, 1, 1);
        let groups = if form.product.is_some() { form.positions.clamp(1, 512) } else { 1 };
        let clamp = |total: u64| total.clamp(1, SIDE_MAX) as u32;
        let width = clamp(cut.columns.total.saturating_mul(groups).saturating_mul(u64::from(form.copies)));
        // Where all a kernel does is hold what waits, is kept or cached, more cores still hold more.
        let width = if form.waiting + form.kept + form.cached > 0 { SIDE_MAX as u32 } else { width };
        (width.min(self.device.fabric_columns.value), clamp(cut.rows.total).min(self.device.fabric_rows.value))
    }

    fn groups(form: &Form, width: u32) -> impl Iterator<Item = u32> {
        let most = if form.product.is_some() { form.positions.min(u64::from(width / form.copies)) } else { 1 };
        GROUPS.into_iter().filter(move |&groups| groups == 1 || u64::from(groups) <= most)
    }

    /// The fastest way to use a rectangle within the SRAM; if there is none, the one that takes least of it.
    pub fn shape(&self, form: &Form, width: u32, height: u32) -> Shape {
        let with = |groups| {
            let cut = Self::cut(form, width, height, groups);
            let cycles = self.compute(form, &cut).cycles.0.saturating_add(self.receive(form, height).0);
            Shape { width, height, groups, cycles: Cycles(cycles), sram_bytes_per_core: self.sram(form, &cut) }
        };
        let mut best = with(1);
        for groups in Self::groups(form, width).skip(1) {
            let shape = with(groups);
            // More groups hold more weights: behind the first that does not fit, none does.
            if shape.sram_bytes_per_core > self.sram_limit() {
                break;
            }
            if shape.cycles < best.cycles {
                best = shape;
            }
        }
        best
    }

    /// Whether a shape is legal and meets `target`.
    fn meets(&self, shape: &Shape, target: u64) -> bool {
        shape.sram_bytes_per_core <= self.sram_limit() && shape.cycles.0 <= target
    }

    /// The narrowest rectangle of `height` rows that meets `target` cycles within the SRAM; `None` if none does.
    pub fn narrowest(&self, form: &Form, height: u32, target: u64) -> Option<Shape> {
        let widest = self.side_max(form).0;
        self.narrowest_within(form, height, target, widest)
    }

    fn narrowest_within(&self, form: &Form, height: u32, target: u64, widest: u32) -> Option<Shape> {
        let mut held = self.shape(form, widest, height);
        if !self.meets(&held, target) {
            return None;
        }
        let (mut over, mut under) = (0, widest);
        while under - over > 1 {
            let middle = u32::midpoint(over, under);
            let shape = self.shape(form, middle, height);
            if self.meets(&shape, target) {
                (under, held) = (middle, shape);
            } else {
                over = middle;
            }
        }
        Some(held)
    }

    /// The legal shape of the fewest cores that meets `target` cycles, exactly; of several, the lowest. `None` if none
    /// meets it.
    pub fn least_area(&self, form: &Form, target: u64) -> Option<Shape> {
        let (widest, tallest) = self.side_max(form);
        let mut best: Option<Shape> = None;
        for height in 1..=tallest {
            // Only what takes fewer cores than the best so far is of interest.
            let most = best.map_or(u64::from(widest), |best| (best.cores() - 1) / u64::from(height));
            let most = most.min(u64::from(widest)) as u32;
            if most == 0 {
                break;
            }
            best = self.narrowest_within(form, height, target, most).or(best);
        }
        best
    }

    /// All legal shapes that no other legal one beats in width, height and time, by width and then height; how much of a
    /// core's SRAM they leave does not count. Tens of milliseconds for the largest kernels.
    ///
    /// Relies on time and SRAM only falling as a rectangle of one height gets wider.
    pub fn unbeaten(&self, form: &Form) -> Vec<Shape> {
        let (widest, tallest) = self.side_max(form);
        // For each width the least time of all legal shapes so far that are no wider and lower.
        let mut least = vec![u64::MAX; widest as usize + 1];
        let mut kept: Vec<Shape> = Vec::new();
        let mut open: Vec<(Shape, Shape)> = Vec::new();
        for height in 1..=tallest {
            let Some(first) = self.narrowest(form, height, u64::MAX) else { continue };
            let new = kept.len();
            let better = |shape: &Shape, least: &[u64]| shape.cycles.0 < least[shape.width as usize];
            if better(&first, &least) {
                kept.push(first);
            }
            open.push((first, self.shape(form, widest, height)));
            while let Some((low, high)) = open.pop() {
                // Between two widths no time is below that of the wider one, nor above that of the narrower one.
                let hopeless = high.cycles.0 >= least[low.width as usize] || high.cycles == low.cycles;
                if hopeless || high.width <= low.width {
                    continue;
                }
                if high.width == low.width + 1 {
                    if better(&high, &least) {
                        kept.push(high);
                    }
                    continue;
                }
                let middle = self.shape(form, u32::midpoint(low.width, high.width), height);
                open.extend([(low, middle), (middle, high)]);
            }
            kept[new..].sort_by_key(|shape| shape.width);
            for shape in &kept[new..] {
                let beaten = least[shape.width as usize..].iter_mut().take_while(|time| **time > shape.cycles.0);
                for time in beaten {
                    *time = shape.cycles.0;
                }
            }
        }
        kept.sort_by_key(|shape| (shape.width, shape.height));
        kept
    }

    /// All legal shapes that no other one covers, by width and then height.
    pub fn pareto(&self, form: &Form) -> Vec<Shape> {
        let (widest, tallest) = self.side_max(form);
        // For each width so far: the least time and the least SRAM among all shapes that are as narrow and as low.
        let mut least = vec![(u64::MAX, u64::MAX); widest as usize + 1];
        let mut kept: Vec<Shape> = Vec::new();
        for height in 1..=tallest {
            for width in 1..=widest {
                let (left, above) = (least[width as usize - 1], least[width as usize]);
                let (cycles, sram) = (left.0.min(above.0), left.1.min(above.1));
                least[width as usize] = (cycles, sram);
                let shape = self.shape(form, width, height);
                if shape.sram_bytes_per_core > self.sram_limit() {
                    continue;
                }
                least[width as usize] = (cycles.min(shape.cycles.0), sram.min(shape.sram_bytes_per_core));
                let better = shape.cycles.0 < cycles || shape.sram_bytes_per_core < sram;
                if better || !kept.iter().any(|held| shape.is_covered_by(held)) {
                    kept.push(shape);
                }
            }
        }
        kept.sort_by_key(|shape| (shape.width, shape.height));
        kept
    }
}
