//! Shape curves: which boxes can hold a kernel, or a part of the floorplan, at a target time.
//!
//! A curve is a falling staircase, kept as two arrays over whole sides: the least height for each width and the least
//! width for each height. Stacking two parts adds the first array, setting them side by side adds the second
//! (Stockmeyer, "Optimal orientations of cells in slicing floorplan designs", 1983). Either array follows from the other
//! in linear time. Sixteen bits a side keep the additions in vector registers.

/// A side that no box reaches. Twice as much still fits into sixteen bits.
pub(super) const NEVER: i16 = 8_191;

/// The boxes that hold a kernel: index is a side in cores from 0 to the last that the floorplan looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    height_at: Vec<i16>,
    width_at: Vec<i16>,
}

impl Curve {
    /// The curve of boxes that may be turned: of each `[width, height]` both orientations count.
    pub fn of_boxes(boxes: impl IntoIterator<Item = [u32; 2]>, side: u32) -> Self {
        Self::of_upright_boxes(boxes.into_iter().flat_map(|[width, height]| [[width, height], [height, width]]), side)
    }

    /// The curve of boxes `[width, height]` that stand as they are.
    pub fn of_upright_boxes(boxes: impl IntoIterator<Item = [u32; 2]>, side: u32) -> Self {
        let mut height_at = vec![NEVER; side as usize + 1];
        for [width, height] in boxes {
            if width <= side && height <= side {
                let slot = &mut height_at[width as usize];
                *slot = (*slot).min(height as i16);
            }
        }
        fall(&mut height_at);
        let width_at = inverse(&height_at);
        Self { height_at, width_at }
    }

    /// Longest side that the curve knows.
    pub fn side(&self) -> u32 {
        self.height_at.len() as u32 - 1
    }

    /// Least height of a box at most `width` wide, in cores.
    pub fn least_height(&self, width: u32) -> Option<u32> {
        known(self.height_at[width.min(self.side()) as usize])
    }

    /// Least width of a box at most `height` high, in cores.
    pub fn least_width(&self, height: u32) -> Option<u32> {
        known(self.width_at[height.min(self.side()) as usize])
    }

    /// The boxes `[width, height]` of which none holds another, from narrow to wide, within `width` × `height` cores.
    pub fn corners(&self, width: u32, height: u32) -> impl Iterator<Item = [u32; 2]> + '_ {
        let widths = 1..=width.min(self.side()) as usize;
        let corner = widths.filter(|&at| self.height_at[at] < self.height_at[at - 1]);
        corner.map(|at| [at as u32, self.height_at[at] as u32]).filter(move |corner| corner[1] <= height)
    }

    pub(super) fn heights(&self) -> &[i16] {
        &self.height_at
    }

    pub(super) fn widths(&self) -> &[i16] {
        &self.width_at
    }
}

fn known(side: i16) -> Option<u32> {
    (side < NEVER).then_some(side as u32)
}

/// Values that are made to fall together, in one vector register.
const LANES: usize = 8;

/// Makes each value the least of those up to it.
fn fall(values: &mut [i16]) {
    let mut least = NEVER;
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        // Each step looks twice as far back as the one before.
        let by_one: [i16; LANES] = std::array::from_fn(|at| chunk[at].min(if at >= 1 { chunk[at - 1] } else { NEVER }));
        let by_two: [i16; LANES] =
            std::array::from_fn(|at| by_one[at].min(if at >= 2 { by_one[at - 2] } else { NEVER }));
        let by_four: [i16; LANES] =
            std::array::from_fn(|at| by_two[at].min(if at >= 4 { by_two[at - 4] } else { NEVER }));
        *chunk = by_four.map(|value| value.min(least));
        least = chunk[LANES - 1];
    }
    for value in rest {
        least = least.min(*value);
        *value = least;
    }
}

/// Adds two staircases.
pub(super) fn add(a: &[i16], b: &[i16], sum: &mut [i16]) {
    for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
        *sum = (a + b).min(NEVER);
    }
}

/// The other array of a staircase: least side across for each side along.
pub(super) fn invert(staircase: &[i16], into: &mut [i16]) {
    into.fill(NEVER);
    let last = into.len() - 1;
    // Descending, so that the least index stays where several have one value.
    for (index, &value) in staircase.iter().enumerate().rev() {
        let value = value as usize;
        if value <= last {
            into[value] = index as i16;
        }
    }
    fall(into);
}

fn inverse(staircase: &[i16]) -> Vec<i16> {
    let mut into = vec![NEVER; staircase.len()];
    invert(staircase, &mut into);
    into
}
