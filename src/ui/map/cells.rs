//! Single cores with gaps between them, strips for their links and a bar for their SRAM.
//!
//! Everything goes into one mesh: a screen holds at most some ten thousand cores at this level.

use egui::{Color32, Mesh, Painter, Rect, Shape, pos2};

use super::MapScene;
use crate::ui::theme::{Palette, data_colour};
use crate::view::Viewport;
use crate::view::ramp::link_colour;

/// How a core's slot is divided, in points from its edges; rounded to pixels so that all cores look alike.
struct Slot {
    /// Dark line between slots.
    gap: f32,
    /// Thickness of a link's strip.
    strip: f32,
    /// Space between strip and core.
    air: f32,
}

impl Slot {
    fn of(core_height: f32) -> Self {
        let strip = (core_height / 8.0).round().clamp(1.0, 14.0);
        Self {
            gap: 1.0,
            strip,
            air: if core_height < 14.0 { 0.0 } else { (core_height / 24.0).round().clamp(1.0, 4.0) },
        }
    }
}

/// Draws the cores in view.
pub(super) fn paint(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let [x0, y0, x1, y1] = view.visible_cells(&scene.plane);
    let height = view.core_points(&scene.plane)[1] as f32;
    let slot = Slot::of(height);
    let table = scene.layer.table(scene.range).map(data_colour);
    let links: [Color32; 256] = std::array::from_fn(|used| data_colour(link_colour(used as u8)));
    let scale = painter.pixels_per_point();
    let mut mesh = Mesh::default();
    let corner = |x: u32, y: u32| {
        let ui = view.ui_from_cell(&scene.plane, [f64::from(x), f64::from(y)]);
        pos2((ui[0] as f32 * scale).round() / scale, (ui[1] as f32 * scale).round() / scale)
    };
    mesh.add_colored_rect(Rect::from_min_max(corner(x0, y0), corner(x1, y1)), palette.map.slot_gap);
    for y in y0..y1 {
        for x in x0..x1 {
            let rect = Rect::from_min_max(corner(x, y), corner(x + 1, y + 1));
            let index = scene.index_of(x, y);
            let value = scene.map.get(x, y).unwrap_or(0);
            let strips = scene
                .links
                .and_then(|all| all.get(index))
                .map(|link| link.map(|used| (used, links[usize::from(used)])));
            let core = core_rect(rect, &slot);
            mesh.add_colored_rect(shrink_to_slot(rect, &slot), palette.map.slot);
            mesh.add_colored_rect(core, table[usize::from(value)]);
            if let Some(strips) = strips {
                add_strips(&mut mesh, rect, core, &slot, palette.map.slot_track, strips);
            }
            if let Some(&sram) = scene.sram.and_then(|sram| sram.get(index)) {
                add_sram(&mut mesh, core, sram, palette);
            }
        }
    }
    painter.add(Shape::mesh(mesh));
}

fn shrink_to_slot(rect: Rect, slot: &Slot) -> Rect {
    Rect::from_min_max(rect.min, rect.max - egui::vec2(slot.gap, slot.gap))
}

/// The core itself within its slot.
fn core_rect(rect: Rect, slot: &Slot) -> Rect {
    shrink_to_slot(rect, slot).shrink(slot.strip + slot.air)
}

/// Strips north, east, south and west; an idle link shows only its track.
fn add_strips(mesh: &mut Mesh, rect: Rect, core: Rect, slot: &Slot, track: Color32, strips: [(u8, Color32); 4]) {
    let outer = shrink_to_slot(rect, slot);
    let thick = slot.strip;
    let areas = [
        Rect::from_min_max(pos2(core.left(), outer.top()), pos2(core.right(), outer.top() + thick)),
        Rect::from_min_max(pos2(outer.right() - thick, core.top()), pos2(outer.right(), core.bottom())),
        Rect::from_min_max(pos2(core.left(), outer.bottom() - thick), pos2(core.right(), outer.bottom())),
        Rect::from_min_max(pos2(outer.left(), core.top()), pos2(outer.left() + thick, core.bottom())),
    ];
    for (area, (value, colour)) in areas.into_iter().zip(strips) {
        mesh.add_colored_rect(area, if value == 0 { track } else { colour });
    }
}

/// A bar at the foot of the core: white on a dark track, so that it reads on every data colour.
fn add_sram(mesh: &mut Mesh, core: Rect, sram: u8, palette: &Palette) {
    if core.height() < 10.0 {
        return;
    }
    let thick = (core.height() / 7.0).round().clamp(1.0, 10.0);
    let inset = (core.height() / 5.0).round().max(2.0);
    let bottom = core.bottom() - inset;
    let track = Rect::from_min_max(pos2(core.left() + inset, bottom - thick - 1.0), pos2(core.right() - inset, bottom));
    mesh.add_colored_rect(track, palette.map.label_fill);
    let fill = track.with_max_x(track.left() + track.width() * f32::from(sram) / 255.0).with_max_y(bottom - 1.0);
    mesh.add_colored_rect(fill, palette.map.label_text);
}
