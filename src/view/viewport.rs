//! Where the wafer lies on the screen: positions, zoom, levels of detail and camera moves.
//!
//! Three spaces: `cell` counts logical cores (fractions within a core), `mm` is the wafer's surface with (0, 0) at the
//! north-west corner of the fabric, `ui` is points of the screen. Everything is `f64`, so that a core keeps its place
//! to a small part of a pixel at every zoom.

use crate::hardware::Core;

/// Zoom of one notch of the wheel.
pub const NOTCH: f64 = 1.2;
/// The same with the fine modifier.
pub const NOTCH_FINE: f64 = 1.05;
/// The same with the fast modifier.
pub const NOTCH_FAST: f64 = 2.0;
/// Points per core height beyond which nothing more can be seen.
const CORE_POINTS_MAX: f64 = 400.0;

/// The logical fabric laid out on the wafer. Its cores fill a rectangle whose sides are given; the pitch is derived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaferPlane {
    pub columns: u32,
    pub rows: u32,
    pub width_mm: f64,
    pub height_mm: f64,
}

impl WaferPlane {
    /// A square wafer of `side_mm` whose fabric reaches from edge to edge.
    pub fn square(columns: u32, rows: u32, side_mm: f64) -> Self {
        Self { columns, rows, width_mm: side_mm, height_mm: side_mm }
    }

    /// Width and height of one core in millimetres.
    pub fn pitch_mm(&self) -> [f64; 2] {
        [self.width_mm / f64::from(self.columns.max(1)), self.height_mm / f64::from(self.rows.max(1))]
    }

    /// Position on the wafer of a position counted in cores.
    pub fn mm_from_cell(&self, cell: [f64; 2]) -> [f64; 2] {
        let pitch = self.pitch_mm();
        [cell[0] * pitch[0], cell[1] * pitch[1]]
    }

    /// Position counted in cores of a position on the wafer.
    pub fn cell_from_mm(&self, mm: [f64; 2]) -> [f64; 2] {
        let pitch = self.pitch_mm();
        [mm[0] / pitch[0], mm[1] / pitch[1]]
    }

    /// The core at a position counted in cores, if there is one.
    pub fn core_at(&self, cell: [f64; 2]) -> Option<Core> {
        let inside = |at: f64, count: u32| (at >= 0.0 && at < f64::from(count)).then_some(at as u32);
        Some(Core { x: inside(cell[0], self.columns)?, y: inside(cell[1], self.rows)? })
    }
}

/// How much detail the map shows, by the height of a core on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Under 2 points: several cores share a pixel.
    Wafer,
    /// 2 to 8 points: cells.
    Die,
    /// 8 to 40 points: cells with borders, links and SRAM.
    Region,
    /// From 40 points: the parts of a core.
    Cores,
}

impl Level {
    /// The level at which a core is `points` high.
    pub fn of_core_height(points: f64) -> Self {
        match points {
            p if p < 2.0 => Self::Wafer,
            p if p < 8.0 => Self::Die,
            p if p < 40.0 => Self::Region,
            _ => Self::Cores,
        }
    }

    /// The word of the breadcrumb above the map.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wafer => "wafer",
            Self::Die => "die",
            Self::Region => "region",
            Self::Cores => "core",
        }
    }
}

/// Room to leave free at the sides when something is fitted, in points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Insets {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// A rectangle of the screen and the part of the wafer that it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// Top left corner of the map's area on the screen, in points.
    pub origin: [f64; 2],
    /// Width and height of that area, in points.
    pub size: [f64; 2],
    /// What lies in the middle of the area, in millimetres.
    pub centre_mm: [f64; 2],
    /// Zoom.
    pub points_per_mm: f64,
}

impl Viewport {
    /// The view in which a rectangle of the wafer (`min`, `max` in mm) just fits within the insets.
    pub fn fitted(origin: [f64; 2], size: [f64; 2], min: [f64; 2], max: [f64; 2], insets: Insets) -> Self {
        let free = [(size[0] - insets.left - insets.right).max(1.0), (size[1] - insets.top - insets.bottom).max(1.0)];
        let extent = [(max[0] - min[0]).max(1e-6), (max[1] - min[1]).max(1e-6)];
        let points_per_mm = (free[0] / extent[0]).min(free[1] / extent[1]);
        // The left edge stays at its inset so that room that is left over falls to the right.
        let left = insets.left + ((free[0] - extent[0] * points_per_mm) / 2.0).min(0.0);
        let top = insets.top + (free[1] - extent[1] * points_per_mm) / 2.0;
        let centre_mm =
            [min[0] + (size[0] / 2.0 - left) / points_per_mm, min[1] + (size[1] / 2.0 - top) / points_per_mm];
        Self { origin, size, centre_mm, points_per_mm }
    }

    /// The whole wafer at the left of the area, the rest of the width free for notes.
    pub fn whole(origin: [f64; 2], size: [f64; 2], plane: &WaferPlane, insets: Insets) -> Self {
        Self::fitted(origin, size, [0.0; 2], [plane.width_mm, plane.height_mm], insets)
    }

    /// A rectangle of the wafer in the middle of the area with `margin` points around it.
    pub fn around(&self, min: [f64; 2], max: [f64; 2], margin: f64) -> Self {
        let insets = Insets { left: margin, top: margin, right: margin, bottom: margin };
        let mut view = Self::fitted(self.origin, self.size, min, max, insets);
        view.centre_mm = [f64::midpoint(min[0], max[0]), f64::midpoint(min[1], max[1])];
        view
    }

    /// The middle of the area on the screen.
    fn middle(&self) -> [f64; 2] {
        [self.origin[0] + self.size[0] / 2.0, self.origin[1] + self.size[1] / 2.0]
    }

    /// Position on the screen of a position on the wafer.
    pub fn ui_from_mm(&self, mm: [f64; 2]) -> [f64; 2] {
        let middle = self.middle();
        std::array::from_fn(|axis| middle[axis] + (mm[axis] - self.centre_mm[axis]) * self.points_per_mm)
    }

    /// Position on the wafer of a position on the screen.
    pub fn mm_from_ui(&self, ui: [f64; 2]) -> [f64; 2] {
        let middle = self.middle();
        std::array::from_fn(|axis| self.centre_mm[axis] + (ui[axis] - middle[axis]) / self.points_per_mm)
    }

    /// Position on the screen of a position counted in cores.
    pub fn ui_from_cell(&self, plane: &WaferPlane, cell: [f64; 2]) -> [f64; 2] {
        self.ui_from_mm(plane.mm_from_cell(cell))
    }

    /// Position counted in cores of a position on the screen.
    pub fn cell_from_ui(&self, plane: &WaferPlane, ui: [f64; 2]) -> [f64; 2] {
        plane.cell_from_mm(self.mm_from_ui(ui))
    }

    /// The core under a position on the screen.
    pub fn core_at(&self, plane: &WaferPlane, ui: [f64; 2]) -> Option<Core> {
        plane.core_at(self.cell_from_ui(plane, ui))
    }

    /// Width and height of one core on the screen, in points.
    pub fn core_points(&self, plane: &WaferPlane) -> [f64; 2] {
        plane.pitch_mm().map(|pitch| pitch * self.points_per_mm)
    }

    /// Level of detail.
    pub fn level(&self, plane: &WaferPlane) -> Level {
        Level::of_core_height(self.core_points(plane)[1])
    }

    /// The cores in view as `[first column, first row, end column, end row]`, ends excluded.
    pub fn visible_cells(&self, plane: &WaferPlane) -> [u32; 4] {
        let first = self.cell_from_ui(plane, self.origin);
        let last = self.cell_from_ui(plane, [self.origin[0] + self.size[0], self.origin[1] + self.size[1]]);
        let clip = |at: f64, count: u32| at.clamp(0.0, f64::from(count)) as u32;
        [
            clip(first[0].floor(), plane.columns),
            clip(first[1].floor(), plane.rows),
            clip(last[0].ceil(), plane.columns),
            clip(last[1].ceil(), plane.rows),
        ]
    }

    /// Whether all of the wafer is in view.
    pub fn shows_all(&self, plane: &WaferPlane) -> bool {
        let min = self.ui_from_mm([0.0; 2]);
        let max = self.ui_from_mm([plane.width_mm, plane.height_mm]);
        (0..2).all(|axis| min[axis] >= self.origin[axis] && max[axis] <= self.origin[axis] + self.size[axis])
    }

    /// Multiplies the zoom by `factor` and keeps what lies under `ui` where it is.
    pub fn zoom_at(&mut self, plane: &WaferPlane, ui: [f64; 2], factor: f64) {
        let under = self.mm_from_ui(ui);
        self.points_per_mm = self.zoom_within_limits(plane, self.points_per_mm * factor);
        let middle = self.middle();
        for axis in 0..2 {
            self.centre_mm[axis] = under[axis] - (ui[axis] - middle[axis]) / self.points_per_mm;
        }
    }

    /// Moves the picture by `delta` points.
    pub fn pan(&mut self, delta: [f64; 2]) {
        for (centre, moved) in self.centre_mm.iter_mut().zip(delta) {
            *centre -= moved / self.points_per_mm;
        }
    }

    /// Brings zoom and centre back within their limits, so that the wafer can never be lost.
    pub fn clamp(&mut self, plane: &WaferPlane) {
        self.points_per_mm = self.zoom_within_limits(plane, self.points_per_mm);
        let axes = self.centre_mm.iter_mut().zip(self.size).zip([plane.width_mm, plane.height_mm]);
        for ((centre, size), extent) in axes {
            // The middle of the area stays on the wafer; a small wafer may go as far as all of it stays in view.
            let half_area = size / 2.0 / self.points_per_mm;
            *centre = centre.clamp((extent - half_area).min(0.0), half_area.max(extent));
        }
    }

    fn zoom_within_limits(&self, plane: &WaferPlane, points_per_mm: f64) -> f64 {
        let smallest = 0.5 * (self.size[0] / plane.width_mm).min(self.size[1] / plane.height_mm);
        let largest = CORE_POINTS_MAX / plane.pitch_mm()[1];
        points_per_mm.clamp(smallest.min(largest), largest)
    }

    /// The same view for an area that moved or was resized: the centre stays.
    pub fn resized(mut self, origin: [f64; 2], size: [f64; 2]) -> Self {
        self.origin = origin;
        self.size = size;
        self
    }

    /// The view at `part` (0 to 1) of a camera move, eased out. Zoom changes by equal factors in equal times, and the
    /// centre moves so that one point of the screen stays fixed.
    pub fn between(from: &Self, to: &Self, part: f64) -> Self {
        let eased = 1.0 - (1.0 - part.clamp(0.0, 1.0)).powi(3);
        if part >= 1.0 {
            return *to;
        }
        let points_per_mm = from.points_per_mm * (to.points_per_mm / from.points_per_mm).powf(eased);
        let span = 1.0 / to.points_per_mm - 1.0 / from.points_per_mm;
        let share = if span.abs() * from.points_per_mm < 1e-6 {
            eased
        } else {
            (1.0 / points_per_mm - 1.0 / from.points_per_mm) / span
        };
        let centre_mm =
            std::array::from_fn(|axis| from.centre_mm[axis] + (to.centre_mm[axis] - from.centre_mm[axis]) * share);
        Self { origin: to.origin, size: to.size, centre_mm, points_per_mm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> WaferPlane {
        WaferPlane::square(762, 1176, 215.0)
    }

    fn whole() -> Viewport {
        let insets = Insets { left: 28.0, top: 28.0, right: 252.0, bottom: 28.0 };
        Viewport::whole([288.0, 72.0], [864.0, 632.0], &plane(), insets)
    }

    #[test]
    fn the_wafer_is_square_and_fits() {
        let (plane, view) = (plane(), whole());
        let core = view.core_points(&plane);
        assert!((core[0] / core[1] - 1176.0 / 762.0).abs() < 1e-12);
        assert!(view.shows_all(&plane));
        assert_eq!(view.level(&plane), Level::Wafer);
        assert!((view.ui_from_mm([0.0; 2])[0] - 316.0).abs() < 1e-9, "the left edge stands at its inset");
        assert_eq!(view.visible_cells(&plane), [0, 0, 762, 1176]);
    }

    #[test]
    fn the_point_under_the_pointer_stays_through_a_hundred_zooms() {
        let plane = plane();
        let mut view = whole();
        let pointer = [611.0, 333.0];
        let before = view.mm_from_ui(pointer);
        for step in 0..100 {
            let factor = [NOTCH, NOTCH_FINE, 1.0 / NOTCH, NOTCH_FAST, 1.0 / NOTCH_FINE][step % 5];
            view.zoom_at(&plane, pointer, factor);
            let drift = view.ui_from_mm(before);
            assert!((drift[0] - pointer[0]).abs() < 0.5 && (drift[1] - pointer[1]).abs() < 0.5, "after {step}");
        }
        assert!(view.core_points(&plane)[1] <= CORE_POINTS_MAX + 1e-9);
    }

    #[test]
    fn every_core_is_found_under_its_own_middle() {
        let plane = plane();
        let mut view = whole();
        for zoom in [1.0, 7.3, 90.0] {
            view.zoom_at(&plane, [700.0, 300.0], zoom);
            for core in [Core { x: 0, y: 0 }, Core { x: 761, y: 1175 }, Core { x: 388, y: 441 }] {
                let middle = [f64::from(core.x) + 0.5, f64::from(core.y) + 0.5];
                assert_eq!(view.core_at(&plane, view.ui_from_cell(&plane, middle)), Some(core));
            }
        }
        assert_eq!(plane.core_at([-0.001, 5.0]), None);
        assert_eq!(plane.core_at([5.0, 1176.0]), None);
        assert_eq!(plane.core_at([f64::NAN, 1.0]), None);
    }

    #[test]
    fn a_camera_move_starts_and_ends_where_it_should_and_a_lost_wafer_comes_back() {
        let (plane, from) = (plane(), whole());
        let to = from.around([17.0, 30.0], [35.0, 61.0], 16.0);
        assert_eq!(Viewport::between(&from, &to, 1.0), to);
        assert!((Viewport::between(&from, &to, 0.0).points_per_mm - from.points_per_mm).abs() < 1e-12);
        let mut lost = to;
        lost.pan([1e7, -1e7]);
        lost.clamp(&plane);
        assert!(
            lost.cell_from_ui(&plane, lost.middle()).iter().zip([762.0, 1176.0]).all(|(&at, n)| at >= 0.0 && at <= n)
        );
    }
}
