//! The choices that the compiler weighed, as a table with the chosen one marked.

use egui::{Align2, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::compiler::step::Candidate;
use crate::sim::Scene;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::text;
use crate::units::format;

/// Right edges of sequences and lanes and the left edge of the words, from the left; right edges of time and SRAM,
/// from the right.
const COLUMNS: [f32; 5] = [72.0, 112.0, 124.0, 62.0, 12.0];

/// Draws the table.
pub(super) fn show(ui: &mut Ui, scene: &Scene, considered: &[Candidate], chosen: (u64, u32, bool)) {
    let quiet = theme::palette(ui).text.tertiary;
    line(ui, ["sequences", "lanes", "", "step", "KiB"], (Type::Caption, quiet), false, "");
    let clock_hz = scene.device.clock_run_hz.value;
    let capacity = u64::from(scene.device.sram_bytes_per_core.value);
    for candidate in considered {
        let Candidate { sequences, lanes, recompute, step_time, sram_peak } = candidate;
        let is_chosen = (*sequences, *lanes, *recompute) == chosen;
        let again = if *recompute { "again" } else { "kept" };
        let time = format::duration(step_time.seconds(clock_hz).0);
        let sram = format::kib(sram_peak.0);
        let kept = if *recompute { "activations computed again" } else { "activations kept" };
        let fits = if sram_peak.0 > capacity { "Does not fit: more SRAM than a core has." } else { "Fits." };
        let origin = format!(
            "{sequences} sequences at a time, lanes: {lanes}, {kept}. {fits}\nStep time by the ANALYTIC ruler, which \
             knows no contention; SRAM of the fullest core, exact"
        );
        let palette = theme::palette(ui);
        let colour = match (is_chosen, sram_peak.0 > capacity) {
            (true, _) => palette.text.primary,
            (false, true) => palette.semantic.warn,
            (false, false) => palette.text.secondary,
        };
        let cells = [&*sequences.to_string(), &*lanes.to_string(), again, &*time, &*sram];
        line(ui, cells, (Type::MonoSmall, colour), is_chosen, &origin);
    }
}

fn line(ui: &mut Ui, cells: [&str; 5], (kind, colour): (Type, egui::Color32), chosen: bool, origin: &str) {
    let height = theme::tokens().spacing.row_height_compact;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let palette = theme::palette(ui);
    let (painter, y) = (ui.painter(), rect.center().y);
    if chosen {
        painter.rect_filled(rect, 0.0, palette.accent.soft);
        Icon::Check.paint_at(painter, pos2(rect.left() + 18.0, y), 12.0, palette.accent.base);
    }
    for (index, (cell, column)) in cells.into_iter().zip(COLUMNS).enumerate() {
        let (x, align) = match index {
            2 => (rect.left() + column, Align2::LEFT_CENTER),
            0 | 1 => (rect.left() + column, Align2::RIGHT_CENTER),
            _ => (rect.right() - column, Align2::RIGHT_CENTER),
        };
        text::paint(painter, pos2(x, y), align, (cell, kind, colour));
    }
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, cells.join(" ")));
    if !origin.is_empty() {
        response.on_hover_text(origin);
    }
}
