//! The cores under a layout: how many of any rectangle are taken, in the time of four look-ups, and what is on each.

use crate::hardware::Rect;
use crate::sim::{OpClass, Scene};
use crate::workload::OpId;

/// Cores that are taken by kernels or lost, summed from the north-west corner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    columns: u32,
    rows: u32,
    /// `sums[y * (columns + 1) + x]` claims lie north of row `y` and west of column `x`; a core that two kernels claim
    /// counts twice.
    sums: Vec<u32>,
}

impl Ground {
    /// The ground under `placed`. About a millisecond for 900 000 cores.
    pub fn of(scene: &Scene, placed: &[(OpId, Rect)]) -> Self {
        let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
        let stride = columns as usize + 1;
        // Corners of the rectangles first; summed once they give claims per core, summed twice the sums.
        let mut cells = vec![0_i32; stride * (rows as usize + 1)];
        let mut claim = |rect: Rect| {
            let (right, bottom) = (rect.right().min(columns), rect.bottom().min(rows));
            if rect.x < right && rect.y < bottom {
                for (y, x, sign) in [(rect.y, rect.x, 1), (rect.y, right, -1), (bottom, rect.x, -1), (bottom, right, 1)]
                {
                    cells[y as usize * stride + x as usize] += sign;
                }
            }
        };
        for (_, rect) in placed {
            claim(*rect);
        }
        if scene.defects.lost_count() > 0 {
            for y in 0..rows {
                let x = scene.defects.placed_columns(y);
                claim(Rect { x, y, width: columns.saturating_sub(x), height: 1 });
            }
        }
        let mut sums = vec![0_u32; cells.len()];
        let mut claims = vec![0_i32; stride];
        for y in 0..rows as usize {
            let (mut along, mut total) = (0, 0_u32);
            for x in 0..columns as usize {
                along += cells[y * stride + x];
                claims[x] += along;
                total += claims[x].max(0) as u32;
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + total;
            }
        }
        Self { columns, rows, sums }
    }

    /// Claims on the cores of `rect`; `None` if it leaves the wafer.
    pub fn claims(&self, rect: Rect) -> Option<u32> {
        if rect.right() > self.columns || rect.bottom() > self.rows {
            return None;
        }
        let stride = self.columns as usize + 1;
        let at = |x: u32, y: u32| self.sums[y as usize * stride + x as usize];
        let (right, bottom) = (rect.right(), rect.bottom());
        Some(at(right, bottom) + at(rect.x, rect.y) - at(rect.x, bottom) - at(right, rect.y))
    }

    /// Whether a kernel may stand there.
    pub fn is_free(&self, rect: Rect) -> bool {
        self.claims(rect) == Some(0)
    }
}

/// The class of the kernel on every core, row by row, as a map shows them.
pub fn classes(scene: &Scene, placed: &[(OpId, Rect)], values: &mut Vec<u8>) {
    values.clear();
    values.resize(scene.device.fabric_cores() as usize, OpClass::None as u8);
    let columns = scene.device.fabric_columns.value as usize;
    for (op, rect) in placed {
        let class = OpClass::of(&scene.graph, op.0 as usize) as u8;
        // What was put beyond the wafer has no cores there.
        let right = (rect.right() as usize).min(columns);
        let rows = values.chunks_exact_mut(columns).skip(rect.y as usize).take(rect.height as usize);
        for row in rows {
            row[(rect.x as usize).min(right)..right].fill(class);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::scenario::library;

    #[test]
    fn claims_are_those_of_counting() {
        let shipped = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
        let scene = shipped.scenario().prepare().unwrap().compile();
        let mut rng = Rng::substream(3, "ground");
        let mut rect = || {
            let mut below = |limit: u32| (rng.unit() * f64::from(limit)) as u32;
            let (x, y) = (below(700), below(1_100));
            Rect { x, y, width: 1 + below(62), height: 1 + below(76) }
        };
        let placed: Vec<(OpId, Rect)> = (0..40).map(|index| (OpId(index), rect())).collect();
        let ground = Ground::of(&scene, &placed);
        for _ in 0..200 {
            let asked = rect();
            let shared = placed.iter().filter_map(|(_, rect)| rect.intersection(&asked));
            assert_eq!(ground.claims(asked), Some(shared.map(|shared| shared.cores() as u32).sum()));
        }
        assert_eq!(ground.claims(Rect { x: 760, y: 0, width: 3, height: 1 }), None);
    }
}
