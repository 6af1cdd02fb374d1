//! The metric strips: four quantities over time, each with its name at the left and its numbers at the right.

use egui::{Align2, Color32, Rect, Ui, UiBuilder, pos2};
use egui_plot::{FilledArea, Line, Plot, PlotPoint, PlotPoints};

use super::Places;
use super::scale::TimeScale;
use crate::sim::Scene;
use crate::sim::metrics::Strips;
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::text;
use crate::units::format;
use crate::view::Ramp;

/// One strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Compute,
    SramPeak,
    Stream,
    Waiting,
}

impl Metric {
    /// From top to bottom.
    pub(super) const ALL: [Self; 4] = [Self::Compute, Self::SramPeak, Self::Stream, Self::Waiting];

    /// Name and unit.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Compute => ("Compute", "%"),
            Self::SramPeak => ("SRAM, fullest core", "KiB"),
            Self::Stream => ("Stream, busiest", "%"),
            Self::Waiting => ("Waiting cores", "%"),
        }
    }

    /// Where the numbers come from.
    fn origin(self) -> &'static str {
        match self {
            Self::Compute => "Share of the used cores' time spent computing. FLOW: one rate for each interval.",
            Self::SramPeak => "Bytes held by the fullest core, from the program's buffers and their lifetimes. Exact.",
            Self::Stream => {
                "Share of the time in which the busiest stream moves data. FLOW: single wavelets are not followed."
            }
            Self::Waiting => "Share of the used cores' time spent waiting for operands or for room. FLOW.",
        }
    }

    /// One tone of the map of its layer.
    fn colour(self) -> Color32 {
        theme::data_colour(match self {
            Self::Compute => Ramp::Viridis.colour(172),
            Self::SramPeak => Ramp::Cividis.colour(165),
            Self::Stream => Ramp::Magma.colour(160),
            Self::Waiting => Ramp::Categorical.colour(0),
        })
    }

    fn values(self, strips: &Strips) -> &[f32] {
        match self {
            Self::Compute => &strips.compute,
            Self::SramPeak => &strips.sram_bytes,
            Self::Stream => &strips.stream,
            Self::Waiting => &strips.waiting,
        }
    }

    /// The value that fills the strip's height.
    fn full(self, scene: &Scene) -> f32 {
        match self {
            Self::SramPeak => scene.device.sram_bytes_per_core.value as f32,
            _ => 1.0,
        }
    }

    /// A value as a number in the strip's unit.
    fn number(self, value: f32) -> String {
        match self {
            Self::SramPeak => format::kib(value as u64),
            // Nothing summed up is a negative zero.
            _ => format!("{:.0}", value * 100.0 + 0.0),
        }
    }

    /// What stands beside the value of now.
    fn note(self, scene: &Scene, mean: f32) -> String {
        match self {
            Self::SramPeak => format!("of {}", format::kib(u64::from(scene.device.sram_bytes_per_core.value))),
            _ => format!("mean {}", self.number(mean)),
        }
    }
}

/// Draws all strips, their names and their numbers.
pub(super) fn show(ui: &mut Ui, places: &Places, scene: &Scene, strips: &Strips, scale: &TimeScale, now: u64) {
    let palette = theme::palette(ui);
    for (metric, rect) in Metric::ALL.into_iter().zip(places.strips) {
        ui.painter().rect_filled(rect, 0.0, palette.surface.map);
        plot(ui, rect, metric, scene, strips, scale, now);
        name(ui, places, rect, metric);
        numbers(ui, palette, places, rect, metric, scene, strips, now);
    }
}

/// The strip itself. It keeps the range that it was computed for, so that it is never stretched while the next one is
/// on its way.
fn plot(ui: &mut Ui, rect: Rect, metric: Metric, scene: &Scene, strips: &Strips, scale: &TimeScale, now: u64) {
    let colour = metric.colour();
    let values = metric.values(strips);
    let full = f64::from(metric.full(scene));
    let span = strips.to.saturating_sub(strips.from) as f64;
    let point = |index: usize, value: f32| {
        let middle = (index as f64 + 0.5) / values.len() as f64;
        [strips.from as f64 - scale.from as f64 + span * middle, (f64::from(value) / full).clamp(0.0, 1.0)]
    };
    let points: Vec<[f64; 2]> = values.iter().enumerate().map(|(index, &value)| point(index, value)).collect();
    let playhead = now as f64 - scale.from as f64;
    let past = points.partition_point(|point| point[0] <= playhead);
    // Both parts share the point at the playhead, so that no gap opens.
    let parts = [(&points[..past], 0.5, 1.0, "past"), (&points[past.saturating_sub(1)..], 0.25, 0.5, "future")];
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(metric.words().0));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    Plot::new(metric.words().0)
        .width(rect.width())
        .height(rect.height())
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .show_x(false)
        .show_y(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .sense(egui::Sense::hover())
        .set_margin_fraction(egui::Vec2::ZERO)
        .show(&mut child, |plot| {
            plot.set_plot_bounds_x(0.0..=scale.span() as f64);
            plot.set_plot_bounds_y(0.0..=1.0);
            for (part, fill, edge, id) in parts {
                if part.len() < 2 {
                    continue;
                }
                let (xs, tops): (Vec<f64>, Vec<f64>) = part.iter().map(|&[x, y]| (x, y)).unzip();
                let area = FilledArea::new(id, &xs, &vec![0.0; xs.len()], &tops)
                    .fill_color(colour.gamma_multiply(fill))
                    .allow_hover(false);
                plot.add(area);
                let line: Vec<PlotPoint> = part.iter().map(|&[x, y]| PlotPoint::new(x, y)).collect();
                let line = Line::new(format!("{id} edge"), PlotPoints::Owned(line))
                    .color(colour.gamma_multiply(edge))
                    .width(1.0)
                    .allow_hover(false);
                plot.line(line);
            }
        });
}

/// Name and unit under the left pane.
fn name(ui: &Ui, places: &Places, rect: Rect, metric: Metric) {
    let Some(labels) = places.labels else { return };
    let palette = theme::palette(ui);
    let (name, unit) = metric.words();
    let at = pos2(labels.min, rect.center().y);
    text::paint(ui.painter(), at, Align2::LEFT_CENTER, (name, Type::Caption, palette.text.secondary));
    let at = pos2(labels.max, rect.center().y);
    text::paint(ui.painter(), at, Align2::RIGHT_CENTER, (unit, Type::Caption, palette.text.tertiary));
    let area = Rect::from_x_y_ranges(labels, rect.y_range());
    let response = ui.interact(area, ui.scope_id().with(("strip", name)), egui::Sense::hover());
    response.on_hover_text(metric.origin());
}

/// The value at the playhead and the mean of what is shown, under the inspector.
#[expect(clippy::too_many_arguments, reason = "one row of a table: its place, its column and what it is about")]
fn numbers(
    ui: &Ui,
    palette: &Palette,
    places: &Places,
    rect: Rect,
    metric: Metric,
    scene: &Scene,
    strips: &Strips,
    now: u64,
) {
    let Some(column) = places.numbers else { return };
    let values = metric.values(strips);
    let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
    let value = at(strips, values, now).map_or_else(|| "–".to_owned(), |value| metric.number(value));
    let y = rect.center().y;
    let value = (value.as_str(), Type::Mono, palette.text.primary);
    text::paint(ui.painter(), pos2(column.min + 36.0, y), Align2::RIGHT_CENTER, value);
    let note = metric.note(scene, mean);
    let note = (note.as_str(), Type::MonoSmall, palette.text.tertiary);
    text::paint(ui.painter(), pos2(column.min + 48.0, y), Align2::LEFT_CENTER, note);
}

/// The value of the bin that holds `now`.
fn at(strips: &Strips, values: &[f32], now: u64) -> Option<f32> {
    let span = strips.to.checked_sub(strips.from).filter(|&span| span > 0)?;
    let since = now.checked_sub(strips.from)?;
    let bin = (u128::from(since) * values.len() as u128 / u128::from(span)) as usize;
    // The end of a run belongs to its last bin.
    let bin = if since == span { bin.saturating_sub(1) } else { bin };
    values.get(bin).copied()
}
