//! Draws the map: the texture of values first, then everything that lies on it, the halo last.

use egui::{Color32, ColorImage, Mesh, Painter, Shape, TextureHandle, TextureOptions, pos2};

use super::{MapScene, cells, marks};
use crate::ui::theme::{self, Palette, data_colour};
use crate::view::raster::{self, Window};
use crate::view::{Level, Viewport};

/// The largest side of a texture that every back-end takes, in pixels.
const TEXTURE_SIDE_MAX: usize = 2_048;

/// What the texture was made from; made again only when this changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    revision: u64,
    range: (u8, u8),
    /// Tells layers with equal values apart.
    layer: u64,
    part: Part,
}

/// Which part of the map the texture holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// Reduced to pixels: several cores each.
    Pixels { window: Window, size: [usize; 2] },
    /// One texel per core of `[first column, first row, end column, end row]`.
    Cores([u32; 4]),
}

/// Keeps the texture of the map from frame to frame.
#[derive(Default)]
pub struct MapPainter {
    texture: Option<TextureHandle>,
    key: Option<Key>,
    values: Vec<u8>,
    rebuilt_count: u64,
}

impl MapPainter {
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the texture was made: for the counters of the program, and to test that nothing is made twice.
    pub fn rebuilt_count(&self) -> u64 {
        self.rebuilt_count
    }

    /// Draws the scene into the area of `view`, clipped to it.
    pub fn paint(&mut self, painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
        let area = marks::area(view);
        let painter = painter.with_clip_rect(area.intersect(painter.clip_rect()));
        painter.rect_filled(area, 0.0, palette.surface.map);
        marks::wafer(&painter, palette, view, scene);
        let level = view.level(&scene.plane);
        if level >= Level::Region {
            cells::paint(&painter, palette, view, scene);
        } else {
            self.paint_texture(&painter, view, scene, level);
        }
        if scene.overlays.dies {
            marks::dies(&painter, palette, view, scene);
        }
        if scene.overlays.kernels {
            marks::kernels(&painter, palette, view, scene);
        }
        if scene.overlays.defects {
            marks::defects(&painter, palette, view, scene);
        }
        if scene.overlays.kernels {
            marks::kernel_names(&painter, palette, view, scene);
        }
        if view.shows_all(&scene.plane) {
            marks::notes(&painter, palette, view, scene);
        }
        marks::halos(&painter, view, scene);
        if scene.overlays.scale_bar {
            marks::scale_bar(&painter, palette, view, scene);
        }
    }

    fn paint_texture(&mut self, painter: &Painter, view: &Viewport, scene: &MapScene<'_>, level: Level) {
        let Some((part, rect)) = part_in_view(painter.pixels_per_point(), view, scene, level) else { return };
        let layer = xxhash_rust::xxh3::xxh3_64(scene.layer.title.as_bytes());
        let key = Key { revision: scene.revision, range: scene.range, layer, part };
        if self.key != Some(key) || self.texture.is_none() {
            self.rebuild(painter, scene, part);
            self.key = Some(key);
        }
        let Some(texture) = &self.texture else { return };
        let uv = egui::Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let mut mesh = Mesh::with_texture(texture.id());
        mesh.add_rect_with_uv(rect, uv, Color32::WHITE);
        painter.add(Shape::mesh(mesh));
    }

    fn rebuild(&mut self, painter: &Painter, scene: &MapScene<'_>, part: Part) {
        let size = match part {
            Part::Pixels { window, size } => {
                raster::reduce(scene.map, window, size, scene.layer.reduction, &mut self.values);
                size
            }
            Part::Cores(cells) => {
                raster::crop(scene.map, cells, &mut self.values);
                [(cells[2] - cells[0]) as usize, (cells[3] - cells[1]) as usize]
            }
        };
        let mut pixels = Vec::new();
        raster::recolour(&self.values, &scene.layer.table(scene.range).map(data_colour), &mut pixels);
        let image = ColorImage::new(size, pixels);
        match &mut self.texture {
            Some(texture) => texture.set(image, TextureOptions::NEAREST),
            None => self.texture = Some(painter.ctx().load_texture("wafer map", image, TextureOptions::NEAREST)),
        }
        self.rebuilt_count += 1;
    }
}

/// The part of the map that is in view and where it lies on the screen.
fn part_in_view(
    pixels_per_point: f32,
    view: &Viewport,
    scene: &MapScene<'_>,
    level: Level,
) -> Option<(Part, egui::Rect)> {
    let cells = view.visible_cells(&scene.plane);
    if cells[0] >= cells[2] || cells[1] >= cells[3] {
        return None;
    }
    let corner = |x: u32, y: u32| view.ui_from_cell(&scene.plane, [f64::from(x), f64::from(y)]);
    let (min, max) = (corner(cells[0], cells[1]), corner(cells[2], cells[3]));
    if level > Level::Wafer {
        let rect = egui::Rect::from_min_max(pos2(min[0] as f32, min[1] as f32), pos2(max[0] as f32, max[1] as f32));
        return Some((Part::Cores(cells), rect));
    }
    // Whole pixels of the screen that the visible part of the map touches.
    let scale = f64::from(pixels_per_point);
    let clip = |axis: usize| {
        let low = (min[axis].max(view.origin[axis]) * scale).round();
        let high = (max[axis].min(view.origin[axis] + view.size[axis]) * scale).round();
        (low, high.max(low + 1.0))
    };
    let ((left, right), (top, bottom)) = (clip(0), clip(1));
    let size = [(right - left) as usize, (bottom - top) as usize].map(|side| side.clamp(1, TEXTURE_SIDE_MAX));
    let first = view.cell_from_ui(&scene.plane, [left / scale, top / scale]);
    let last = view.cell_from_ui(&scene.plane, [right / scale, bottom / scale]);
    let window = Window { left: first[0], top: first[1], right: last[0], bottom: last[1] };
    let on_screen = |x: f64, y: f64| pos2((x / scale) as f32, (y / scale) as f32);
    Some((Part::Pixels { window, size }, egui::Rect::from_min_max(on_screen(left, top), on_screen(right, bottom))))
}

impl std::fmt::Debug for MapPainter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MapPainter")
            .field("key", &self.key)
            .field("rebuilt_count", &self.rebuilt_count)
            .finish_non_exhaustive()
    }
}

/// Width of a line of the token file.
pub(super) fn hairline() -> f32 {
    theme::tokens().stroke.hairline
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{CoreMap, Insets, LayerInfo, WaferPlane};

    const PLANE: WaferPlane = WaferPlane { columns: 762, rows: 1176, width_mm: 215.0, height_mm: 215.0 };

    fn view(zoom: f64) -> Viewport {
        let mut view = Viewport::whole([100.0, 50.0], [700.0, 600.0], &PLANE, Insets::default());
        view.zoom_at(&PLANE, [400.0, 300.0], zoom);
        view
    }

    fn scene<'a>(values: &'a [u8], layer: &'a LayerInfo) -> MapScene<'a> {
        MapScene {
            map: CoreMap::new(values, 762, 1176).unwrap(),
            revision: 0,
            plane: PLANE,
            layer,
            range: (0, 255),
            die_columns: &[],
            die_rows: &[],
            kernels: &[],
            dead: &[],
            selection: None,
            hover: None,
            links: None,
            sram: None,
            overlays: super::super::Overlays::default(),
            notes: &[],
        }
    }

    fn check(zoom: f64, expected: impl Fn(Part)) {
        let (values, layer) = (vec![0; 762 * 1176], LayerInfo::utilisation());
        let scene = scene(&values, &layer);
        let view = view(zoom);
        let (part, _) = part_in_view(1.0, &view, &scene, view.level(&PLANE)).unwrap();
        expected(part);
    }

    #[test]
    fn nothing_is_coloured_twice() {
        let (values, layer) = (vec![9; 762 * 1176], LayerInfo::utilisation());
        let mut painter = MapPainter::new();
        let mut frame = |zoom, revision, range, selection| {
            let scene = MapScene { revision, range, selection, ..scene(&values, &layer) };
            let mut harness = egui_kittest::Harness::new_ui(|ui| {
                theme::install(ui.ctx());
                painter.paint(ui.painter(), theme::palette(ui), &view(zoom), &scene);
            });
            harness.run();
            drop(harness);
            painter.rebuilt_count()
        };
        assert_eq!(frame(1.0, 0, (0, 255), None), 1);
        let core = Some(crate::view::Core { x: 5, y: 5 });
        assert_eq!(frame(1.0, 0, (0, 255), core), 1, "a halo is not part of the texture");
        assert_eq!(frame(1.0, 0, (0, 200), core), 2);
        assert_eq!(frame(1.0, 1, (0, 200), core), 3);
        assert_eq!(frame(1.1, 1, (0, 200), core), 4);
        assert_eq!(frame(60.0, 1, (0, 200), core), 4, "single cores need no texture");
    }

    #[test]
    fn the_texture_has_the_pixels_of_the_screen_or_the_cores_in_view() {
        check(1.0, |part| {
            let Part::Pixels { window, size } = part else { panic!("{part:?}") };
            assert_eq!(size, [600, 600]);
            assert!(window.left.abs() < 1e-9 && (window.right - 762.0).abs() < 1e-9, "{window:?}");
        });
        check(6.0, |part| {
            let Part::Cores([x0, y0, x1, y1]) = part else { panic!("{part:?}") };
            assert!(x1 - x0 < 762 / 4 && y1 - y0 < 1176 / 5, "{part:?}");
        });
    }
}
