//! From values to pixels: recolouring, reduction of many cores to one pixel, and the histogram of what is in view.
//!
//! Hot loops are free functions on slices. Reductions are separable where the arithmetic allows it: whole rows are
//! reduced down first, which compilers turn into many cores per instruction, then each line across.

use super::layer::Reduction;

/// One value per logical core, row by row.
#[derive(Clone, Copy, Debug)]
pub struct CoreMap<'a> {
    values: &'a [u8],
    columns: u32,
    rows: u32,
}

impl<'a> CoreMap<'a> {
    /// Wraps `values` of a map of `columns × rows`; `None` if their number differs or there are none.
    pub fn new(values: &'a [u8], columns: u32, rows: u32) -> Option<Self> {
        let fits = values.len() as u64 == u64::from(columns) * u64::from(rows) && !values.is_empty();
        fits.then_some(Self { values, columns, rows })
    }

    pub fn columns(&self) -> u32 {
        self.columns
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The value of one core, if it exists.
    pub fn get(&self, x: u32, y: u32) -> Option<u8> {
        (x < self.columns && y < self.rows).then(|| self.row(y as usize)[x as usize])
    }

    fn row(&self, y: usize) -> &'a [u8] {
        let columns = self.columns as usize;
        &self.values[y * columns..(y + 1) * columns]
    }
}

/// The part of a map that a picture shows, counted in cores; it may reach beyond the map by a fraction of a core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// Looks up the colour of every value, in whatever form the caller keeps colours ([`super::Rgba`] or a toolkit's own).
/// `out` is overwritten and keeps its memory from call to call.
pub fn recolour<C: Copy>(values: &[u8], table: &[C; 256], out: &mut Vec<C>) {
    // The length is set once; after the first frame this writes nothing but the colours.
    out.resize(values.len(), table[0]);
    for (pixel, &value) in out.iter_mut().zip(values) {
        *pixel = table[usize::from(value)];
    }
}

/// Copies a rectangle of cores, `cells` = `[first column, first row, end column, end row]`, ends excluded.
pub fn crop(map: CoreMap<'_>, cells: [u32; 4], out: &mut Vec<u8>) {
    out.clear();
    let [x0, y0, x1, y1] = cells.map(|bound| bound as usize);
    for y in y0..y1.min(map.rows as usize) {
        out.extend_from_slice(map.row(y).get(x0..x1).unwrap_or_default());
    }
}

/// Reduces the window of a map to `width × height` values, one per pixel. Pixels at the rim count only the cores that
/// exist. `out` is overwritten and keeps its memory.
pub fn reduce(map: CoreMap<'_>, window: Window, [width, height]: [usize; 2], reduction: Reduction, out: &mut Vec<u8>) {
    out.clear();
    out.resize(width * height, 0);
    if width == 0 || height == 0 {
        return;
    }
    let across = Axis { from: window.left, to: window.right, pixels: width, cells: map.columns as usize };
    let down = Axis { from: window.top, to: window.bottom, pixels: height, cells: map.rows as usize };
    match reduction {
        Reduction::Mean => mean(map, &across.edges(), &down.edges(), out),
        Reduction::Max => max(map, &across.touched(), &down.touched(), out),
        Reduction::Count => count(map, &across.centred(), &down.centred(), out),
        Reduction::Majority => majority(map, &across.centred(), &down.centred(), out),
    }
}

/// How often each value occurs in `cells` = `[first column, first row, end column, end row]`, ends excluded.
pub fn histogram(map: CoreMap<'_>, cells: [u32; 4]) -> [u32; 256] {
    let [x0, y0, x1, y1] = cells;
    let (x1, y1) = (x1.min(map.columns) as usize, y1.min(map.rows) as usize);
    // Two tables taking turns: a run of equal values would otherwise wait for its own last store.
    let mut counts = [[0_u32; 256]; 2];
    for y in y0 as usize..y1 {
        let row = map.row(y).get(x0 as usize..x1).unwrap_or_default();
        for pair in row.chunks(2) {
            counts[0][usize::from(pair[0])] += 1;
            if let Some(&value) = pair.get(1) {
                counts[1][usize::from(value)] += 1;
            }
        }
    }
    std::array::from_fn(|value| counts[0][value] + counts[1][value])
}

/// One side of the window and how many pixels divide it.
struct Axis {
    from: f64,
    to: f64,
    pixels: usize,
    cells: usize,
}

/// The cores of one pixel along one axis, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: usize,
    end: usize,
}

/// Parts of a core in which the edges of pixels are counted.
const PARTS: usize = 256;

impl Axis {
    /// The bounds of pixel `index`, in cores.
    fn bounds(&self, index: usize) -> (f64, f64) {
        let step = (self.to - self.from) / self.pixels as f64;
        (self.from + step * index as f64, self.from + step * (index + 1) as f64)
    }

    /// The nearest core that exists.
    fn nearest(&self, at: f64) -> usize {
        (at.max(0.0) as usize).min(self.cells - 1)
    }

    /// All cores that each pixel touches.
    fn touched(&self) -> Vec<Span> {
        let span = |index| {
            let (low, high) = self.bounds(index);
            let first = self.nearest(low.floor());
            Span { first, end: (self.nearest(high.ceil() - 1.0) + 1).max(first + 1) }
        };
        (0..self.pixels).map(span).collect()
    }

    /// The cores whose middle lies in each pixel: every core belongs to one pixel. Where a pixel is smaller than a
    /// core, the core under its middle.
    fn centred(&self) -> Vec<Span> {
        let span = |index| {
            let (low, high) = self.bounds(index);
            let clip = |at: f64| ((at - 0.5).ceil().max(0.0) as usize).min(self.cells);
            let (first, end) = (clip(low), clip(high));
            if first < end {
                Span { first, end }
            } else {
                let first = self.nearest(f64::midpoint(low, high).floor());
                Span { first, end: first + 1 }
            }
        };
        (0..self.pixels).map(span).collect()
    }

    /// The edges of all pixels in [`PARTS`] of a core, kept on the map; one more than there are pixels.
    fn edges(&self) -> Vec<usize> {
        let end = (self.cells * PARTS) as f64;
        (0..=self.pixels).map(|index| (self.bounds(index).0 * PARTS as f64).round().clamp(0.0, end) as usize).collect()
    }
}

/// The two edges of a pixel, at least one part of a core apart, within `cells` cores.
fn apart(edges: &[usize], cells: usize) -> (usize, usize) {
    let low = edges[0].min(cells * PARTS - 1);
    (low, edges[1].max(low + 1))
}

/// Area-weighted average: down first, in whole rows, then across by differences of a running sum.
fn mean(map: CoreMap<'_>, across: &[usize], down: &[usize], out: &mut [u8]) {
    let columns = map.columns as usize;
    let mut sums = vec![0_u32; columns];
    // Signed, since processors turn signed numbers into fractions faster.
    let mut running = vec![0_i64; columns + 1];
    let mut integrals = vec![0_i64; across.len()];
    for (line, edges) in out.chunks_exact_mut(across.len() - 1).zip(down.windows(2)) {
        let (top, bottom) = apart(edges, map.rows as usize);
        sums.fill(0);
        for y in top / PARTS..bottom.div_ceil(PARTS) {
            // At most 256 times 255, which 16 bits hold: processors multiply those eight at a time.
            let weight = (bottom.min((y + 1) * PARTS) - top.max(y * PARTS)) as u16;
            for (sum, &value) in sums.iter_mut().zip(map.row(y)) {
                *sum += u32::from(weight * u16::from(value));
            }
        }
        let mut total = 0;
        for (after, &sum) in running[1..].iter_mut().zip(&sums) {
            total += i64::from(sum);
            *after = total;
        }
        // Everything left of each edge, in parts of a core.
        for (integral, &edge) in integrals.iter_mut().zip(across) {
            let (cell, part) = (edge / PARTS, edge % PARTS);
            *integral = running[cell] * PARTS as i64 + i64::from(padded(&sums, cell)) * part as i64;
        }
        let height = 1.0 / (bottom - top) as f32;
        for ((pixel, edges), ends) in line.iter_mut().zip(across.windows(2)).zip(integrals.windows(2)) {
            let width = edges[1].saturating_sub(edges[0]);
            // A pixel thinner than a part of a core lies within one.
            let mean = if width == 0 {
                padded(&sums, edges[0].min(columns * PARTS - 1) / PARTS) as f32 * height
            } else {
                (ends[1] - ends[0]) as f32 * height / width as f32
            };
            *pixel = (mean + 0.5) as u8;
        }
    }
}

/// The sum of a column, 0 behind the last one.
fn padded(sums: &[u32], column: usize) -> u32 {
    sums.get(column).copied().unwrap_or(0)
}

/// Largest value of all touched cores: down first, since whole rows compare many values at once.
fn max(map: CoreMap<'_>, across: &[Span], down: &[Span], out: &mut [u8]) {
    let mut tallest = vec![0_u8; map.columns as usize];
    for (line, vertical) in out.chunks_exact_mut(across.len()).zip(down) {
        tallest.copy_from_slice(map.row(vertical.first));
        for y in vertical.first + 1..vertical.end {
            for (top, &value) in tallest.iter_mut().zip(map.row(y)) {
                *top = (*top).max(value);
            }
        }
        for (pixel, span) in line.iter_mut().zip(across) {
            *pixel = tallest[span.first..span.end].iter().copied().fold(0, u8::max);
        }
    }
}

/// Sum of the cores of each pixel, at most 255.
fn count(map: CoreMap<'_>, across: &[Span], down: &[Span], out: &mut [u8]) {
    let mut sums = vec![0_u32; map.columns as usize];
    for (line, vertical) in out.chunks_exact_mut(across.len()).zip(down) {
        sums.fill(0);
        for y in vertical.first..vertical.end {
            for (sum, &value) in sums.iter_mut().zip(map.row(y)) {
                *sum += u32::from(value);
            }
        }
        for (pixel, span) in line.iter_mut().zip(across) {
            *pixel = sums[span.first..span.end].iter().sum::<u32>().min(255) as u8;
        }
    }
}

/// The most frequent category of each pixel, the lower index among equals.
fn majority(map: CoreMap<'_>, across: &[Span], down: &[Span], out: &mut [u8]) {
    let mut counts = [0_u32; 256];
    for (line, vertical) in out.chunks_exact_mut(across.len()).zip(down) {
        for (pixel, span) in line.iter_mut().zip(across) {
            // Most pixels hold one kind only.
            let kind = map.row(vertical.first)[span.first];
            let rows = vertical.first..vertical.end;
            if rows.into_iter().all(|y| map.row(y)[span.first..span.end].iter().all(|&value| value == kind)) {
                *pixel = kind;
                continue;
            }
            let (mut best, mut best_count) = (0_u8, 0);
            for y in vertical.first..vertical.end {
                for &value in &map.row(y)[span.first..span.end] {
                    let count = &mut counts[usize::from(value)];
                    *count += 1;
                    if *count > best_count || (*count == best_count && value < best) {
                        (best, best_count) = (value, *count);
                    }
                }
            }
            for y in vertical.first..vertical.end {
                for &value in &map.row(y)[span.first..span.end] {
                    counts[usize::from(value)] = 0;
                }
            }
            *pixel = best;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Slow and plain: every pixel looks at every core.
    fn naive(map: CoreMap<'_>, window: Window, size: [usize; 2], reduction: Reduction) -> Vec<f64> {
        let step = [(window.right - window.left) / size[0] as f64, (window.bottom - window.top) / size[1] as f64];
        let mut out = Vec::new();
        for py in 0..size[1] {
            for px in 0..size[0] {
                let (x0, y0) = (window.left + step[0] * px as f64, window.top + step[1] * py as f64);
                let (x1, y1) = (window.left + step[0] * (px + 1) as f64, window.top + step[1] * (py + 1) as f64);
                let (mut area, mut sum, mut max, mut count) = (0.0, 0.0, 0_u8, 0_u32);
                let mut kinds = [0; 256];
                for y in 0..map.rows {
                    for x in 0..map.columns {
                        let value = map.get(x, y).unwrap();
                        let (cx, cy) = (f64::from(x), f64::from(y));
                        let covered =
                            (x1.min(cx + 1.0) - x0.max(cx)).max(0.0) * (y1.min(cy + 1.0) - y0.max(cy)).max(0.0);
                        area += covered;
                        sum += covered * f64::from(value);
                        if covered > 0.0 {
                            max = max.max(value);
                        }
                        if (x0..x1).contains(&(cx + 0.5)) && (y0..y1).contains(&(cy + 0.5)) {
                            count += u32::from(value);
                            kinds[usize::from(value)] += 1;
                        }
                    }
                }
                let most = (0..256).rev().max_by_key(|&kind| kinds[kind]).unwrap();
                out.push(match reduction {
                    Reduction::Mean => sum / area,
                    Reduction::Max => f64::from(max),
                    Reduction::Count => f64::from(count.min(255)),
                    Reduction::Majority => most as f64,
                });
            }
        }
        out
    }

    #[test]
    fn reductions_agree_with_the_plain_loop() {
        let mut rng = Rng::substream(11, "raster test");
        for case in 0..300 {
            let (columns, rows) = (rng.below(23) + 4, rng.below(23) + 4);
            let values: Vec<u8> = (0..columns * rows).map(|_| (rng.next_u64() >> (56 + case % 7)) as u8).collect();
            let map = CoreMap::new(&values, columns, rows).unwrap();
            // At least one core per pixel on both axes, from a random corner to another.
            let size = [rng.below(columns / 2) as usize + 1, rng.below(rows / 2) as usize + 1];
            let mut side = |cells: u32, pixels: usize| {
                let extent = pixels as f64 + rng.unit() * (f64::from(cells) - pixels as f64);
                let from = rng.unit() * (f64::from(cells) - extent);
                (from, from + extent)
            };
            let ((left, right), (top, bottom)) = (side(columns, size[0]), side(rows, size[1]));
            let window = Window { left, top, right, bottom };
            let mut ours = Vec::new();
            for reduction in [Reduction::Mean, Reduction::Max, Reduction::Count, Reduction::Majority] {
                reduce(map, window, size, reduction, &mut ours);
                let plain = naive(map, window, size, reduction);
                let slack = if reduction == Reduction::Mean { 1.0 } else { 0.0 };
                for (index, (&got, want)) in ours.iter().zip(plain).enumerate() {
                    assert!(
                        (f64::from(got) - want).abs() <= slack,
                        "{reduction:?} {index}: {got}, {want} in {window:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_lone_hot_core_is_lost_and_no_defect_counted_twice() {
        let (columns, rows) = (97, 131);
        let window = Window { left: 0.0, top: 0.0, right: 97.0, bottom: 131.0 };
        let mut reduced = Vec::new();
        for hot in (0..columns * rows).step_by(37) {
            let mut values = vec![0; columns * rows];
            values[hot] = 1;
            let map = CoreMap::new(&values, 97, 131).unwrap();
            for size in [[96, 130], [50, 33], [7, 3], [1, 1]] {
                reduce(map, window, size, Reduction::Max, &mut reduced);
                assert!(reduced.contains(&1), "core {hot} is lost at {size:?}");
                reduce(map, window, size, Reduction::Count, &mut reduced);
                assert_eq!(reduced.iter().map(|&count| u32::from(count)).sum::<u32>(), 1, "core {hot} at {size:?}");
            }
        }
    }

    #[test]
    fn an_even_map_stays_even_and_enlarging_repeats_cores() {
        let values = vec![200_u8; 30 * 20];
        let map = CoreMap::new(&values, 30, 20).unwrap();
        let window = Window { left: -0.4, top: 0.3, right: 30.4, bottom: 19.9 };
        let mut reduced = Vec::new();
        reduce(map, window, [17, 11], Reduction::Mean, &mut reduced);
        assert!(reduced.iter().all(|&value| value == 200));

        let map = CoreMap::new(&[10, 20, 30, 40], 2, 2).unwrap();
        let window = Window { left: 0.0, top: 0.0, right: 2.0, bottom: 2.0 };
        for reduction in [Reduction::Mean, Reduction::Max, Reduction::Count, Reduction::Majority] {
            reduce(map, window, [4, 2], reduction, &mut reduced);
            assert_eq!(reduced, [10, 10, 20, 20, 30, 30, 40, 40], "{reduction:?}");
        }
        assert!(CoreMap::new(&values, 30, 21).is_none());
        assert!(CoreMap::new(&[], 0, 5).is_none());
    }

    #[test]
    fn the_histogram_counts_what_is_in_view() {
        let values: Vec<u8> = (0..35).collect();
        let map = CoreMap::new(&values, 7, 5).unwrap();
        let counts = histogram(map, [2, 1, 5, 3]);
        let seen: Vec<usize> = (0..256).filter(|&value| counts[value] > 0).collect();
        assert_eq!(seen, [9, 10, 11, 16, 17, 18]);
        assert_eq!(histogram(map, [0, 0, 99, 99]).iter().sum::<u32>(), 35);
        assert_eq!(histogram(map, [9, 9, 99, 99]).iter().sum::<u32>(), 0);
    }
}
