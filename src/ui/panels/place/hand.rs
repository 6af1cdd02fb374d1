//! What is in hand: its shapes, what dropping it here would change, and spots for it.

use egui::{Align2, Rect, Response, Sense, Ui, pos2, vec2};

use super::tree::hint;
use crate::compiler::resident;
use crate::session::{Action, Hand, How, Judgement, PlaceAction, Session, Tally, Verdict};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, SectionHeader, section_header, text};
use crate::units::format;

/// Shapes in a row.
const SHAPES_IN_ROW: usize = 3;
/// Rows of shapes in windows lower than this, in points.
const SHAPE_ROWS_LOW: usize = 2;
const HEIGHT_FOR_ALL: f32 = 800.0;

/// Where each figure comes from.
const WIRE: &str = "Our model: hops between the middles of kernels times the bytes of a micro-batch, over the streams \
                    whose both ends are placed.";
const PEAK: &str = "Our model: bytes of a micro-batch over the busiest link, if every stream bends once on its way from \
                    middle to middle. The compiler's own ways are in the steps of its routing.";
const SLOWEST: &str =
    "Our model, ANALYTIC: time in which the slowest placed kernel takes one sequence in and computes it.";
const SRAM: &str = "Our model: what the fullest core has left; weights, activations, buffers and code counted exactly.";
const RATE: &str = "Our model, ANALYTIC: one sequence in the time of the slowest placed kernel, so no more than this; \
                    filling and draining the pipeline are left out.";

/// Draws the foot of the left panel.
pub(super) fn show(ui: &mut Ui, scene: &Scene, session: &Session, shell: &Shell, actions: &mut Vec<Action>) {
    widgets::divider(ui);
    let Some(draft) = &session.draft else { return };
    match (session.desk.how, draft.hand) {
        (How::ByHand, Some(hand)) => in_hand(ui, scene, session, hand, actions),
        (How::ByHand, None) => {
            section_header(ui, &SectionHeader { title: "In hand", note: "", key: "E", open: None });
            padded(ui, |ui| {
                let words = "Nothing yet. Click a kernel above or on the wafer, or take the next one.";
                text::label(ui, (words, Type::Body, theme::palette(ui).text.secondary));
                ui.add_space(8.0);
                let any = draft.placed.len() < session.desk.survey.kernels;
                if widgets::Button::secondary("Take the next kernel").enabled(any).wide().show(ui).clicked() {
                    actions.push(Action::Place(PlaceAction::PickNext));
                }
            });
            widgets::divider(ui);
        }
        (How::Watch, _) => hint(ui, "Click a kernel to go to the decision that placed it."),
        (How::Together, _) => {
            let held = draft.held.iter().filter(|op| draft.rect_of(**op).is_some()).count();
            let words = format!("Held kernels: {held}. Click a placed one to hold it or to let it go.");
            hint(ui, &words);
        }
    }
    if session.desk.how == How::Watch {
        let Some(watch) = &session.desk.watch else { return };
        let tallies = &watch.curves().tallies;
        let (Some(before), Some(after)) = (tallies.get(watch.at().saturating_sub(1)), tallies.get(watch.at())) else {
            return;
        };
        columns_header(ui, "With this step", ["before", "change"]);
        figures(ui, scene, before, Some(after));
        return ui.add_space(8.0);
    }
    let judgement = shell.place.judgement.as_ref().filter(|_| draft.hand.is_some());
    let title = if draft.hand.is_some() { "If dropped here" } else { "So far" };
    columns_header(ui, title, ["now", if draft.hand.is_some() { "change" } else { "" }]);
    figures(ui, scene, &session.desk.survey.tally, judgement.map(|judgement| &judgement.after));
    if draft.hand.is_some() {
        spots(ui, session, judgement, actions);
    }
    ui.add_space(8.0);
}

fn in_hand(ui: &mut Ui, scene: &Scene, session: &Session, hand: Hand, actions: &mut Vec<Action>) {
    let shapes = session.draft.as_ref().map_or(&[][..], |draft| &draft.shapes);
    let all = session.desk.walks.of(scene, hand.op).map_or(0, <[(u32, u32)]>::len);
    let name = resident::label_of(&scene.graph, hand.op);
    section_header(ui, &SectionHeader { title: "In hand", note: &name, key: "", open: None });
    // In a low window one row less, with the row of the shape in hand, so that the spots below are in view.
    let own = shapes.iter().position(|&shape| shape == (hand.width, hand.height)).unwrap_or(0) / SHAPES_IN_ROW;
    let rows = if ui.ctx().content_rect().height() < HEIGHT_FOR_ALL { SHAPE_ROWS_LOW } else { usize::MAX };
    for row in shapes.chunks(SHAPES_IN_ROW).skip((own + 1).saturating_sub(rows)).take(rows) {
        let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::hover());
        let width = ((area.width() - 24.0 - 8.0) / SHAPES_IN_ROW as f32).floor();
        for (index, &(columns, rows)) in row.iter().enumerate() {
            let left = area.left() + 12.0 + (width + 4.0) * index as f32;
            let place = Rect::from_min_size(pos2(left, area.top() + 2.0), vec2(width, 24.0));
            let on = (columns, rows) == (hand.width, hand.height);
            let origin = shape_words(scene, hand, (columns, rows), all);
            if shape_chip(ui, place, &format!("{columns}×{rows}"), on).on_hover_text(origin).clicked() {
                actions.push(Action::Place(PlaceAction::Shape(columns, rows)));
            }
        }
    }
    size(ui, hand, actions);
    keys(ui, hand.from.is_some(), actions);
    widgets::divider(ui);
}

/// Width and height, each with a button to take one core off and to add one.
fn size(ui: &mut Ui, hand: Hand, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    padded(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (name, value, dx, dy) in [("Width", hand.width, 1, 0), ("Height", hand.height, 0, 1)] {
                if dy > 0 {
                    text::label(ui, ("×", Type::Body, palette.text.tertiary));
                }
                for (sign, word, meaning) in [(-1, "−", "less"), (1, "+", "more")] {
                    let place = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover()).0;
                    if small_button(ui, place, word, &format!("{name} one core {meaning}")).clicked() {
                        actions.push(Action::Place(PlaceAction::Resize { dx: sign * dx, dy: sign * dy }));
                    }
                    if sign < 0 {
                        text::label(ui, (&value.to_string(), Type::Mono, palette.text.primary));
                    }
                }
            }
            text::label(ui, ("cores", Type::Caption, palette.text.tertiary));
        });
    });
}

fn small_button(ui: &Ui, area: Rect, word: &str, meaning: &str) -> Response {
    let palette = theme::palette(ui);
    let response = ui.interact(area, ui.scope_id().with(("size", meaning)), Sense::click());
    let fill = if response.hovered() { palette.surface.hover } else { palette.surface.raised };
    let edge = if response.has_focus() { palette.accent.base } else { palette.line.control };
    let stroke = egui::Stroke::new(1.0, edge);
    ui.painter().rect(area, theme::tokens().radius.control, fill, stroke, egui::StrokeKind::Inside);
    let run = (word, Type::Mono, palette.text.primary);
    text::paint(ui.painter(), area.center(), Align2::CENTER_CENTER, run);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, meaning));
    response.on_hover_text(meaning)
}

fn shape_words(scene: &Scene, hand: Hand, shape: (u32, u32), all: usize) -> String {
    let walked = match all {
        0 => "the shapes".to_owned(),
        all => format!("all {} that no other legal one beats in width, height and time", format::grouped(all as u64)),
    };
    let cost = resident::shape(&scene.graph, &scene.device, &scene.program, hand.op, shape);
    let limit = format::kib(u64::from(scene.device.sram_bytes_per_core.value));
    let cycles = format::cycles(cost.cycles.0);
    format!(
        "{cycles} a micro-batch, {} of {limit} KiB a core (our model)\nAlt with the wheel, or the keys , and . walk {walked}",
        format::kib(cost.sram_bytes_per_core)
    )
}

/// A shape that can be chosen.
fn shape_chip(ui: &Ui, area: Rect, words: &str, on: bool) -> Response {
    let palette = theme::palette(ui);
    let response = ui.interact(area, ui.scope_id().with(("shape", words)), Sense::click());
    let fill = if on {
        palette.accent.soft
    } else if response.hovered() {
        palette.surface.hover
    } else {
        palette.surface.raised
    };
    let edge = if on || response.has_focus() { palette.accent.base } else { palette.line.control };
    let stroke = egui::Stroke::new(1.0, edge);
    ui.painter().rect(area, theme::tokens().radius.control, fill, stroke, egui::StrokeKind::Inside);
    let run = (words, Type::Mono, palette.text.primary);
    text::paint(ui.painter(), area.center(), Align2::CENTER_CENTER, run);
    let name = format!("Shape {words}");
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, on, &name));
    response
}

/// The keys that act on what is in hand; each can be clicked too.
fn keys(ui: &mut Ui, from_wafer: bool, actions: &mut Vec<Action>) {
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    let mut place = pos2(area.left() + 12.0, area.center().y);
    let all = [
        ("R", "turn", "Turns it by a quarter", PlaceAction::Rotate),
        ("Q", "put back", "Back to where it was, or off the wafer", PlaceAction::PutBack),
        ("Del", "take off", "Off the wafer, so that it has no place", PlaceAction::TakeOff),
    ];
    for (key, word, meaning, action) in all.into_iter().take(if from_wafer { 3 } else { 2 }) {
        let response = key_verb(ui, place, key, word).on_hover_text(meaning);
        place.x = response.rect.right() + 8.0;
        if response.clicked() {
            actions.push(Action::Place(action));
        }
    }
    ui.add_space(4.0);
}

fn key_verb(ui: &Ui, left: egui::Pos2, key: &str, word: &str) -> Response {
    let palette = theme::palette(ui);
    let width = text::width(ui.painter(), key, Type::MonoSmall) + 14.0 + text::width(ui.painter(), word, Type::Caption);
    let area = Rect::from_min_size(left - vec2(0.0, 10.0), vec2(width.ceil(), 20.0));
    let response = ui.interact(area, ui.scope_id().with(("verb", word)), Sense::click());
    let cap = widgets::key_cap(ui.painter(), palette, left, Align2::LEFT_CENTER, key);
    let colour = if response.hovered() { palette.text.primary } else { palette.text.tertiary };
    text::paint(ui.painter(), pos2(cap.right() + 6.0, left.y), Align2::LEFT_CENTER, (word, Type::Caption, colour));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, word));
    response
}

/// Right edges of the columns of values and of units' left edges, from the right of the panel.
const VALUE_RIGHT: f32 = 98.0;

fn columns_header(ui: &mut Ui, title: &str, [now, change]: [&str; 2]) {
    let response = section_header(ui, &SectionHeader { title, note: "", key: "", open: None });
    let palette = theme::palette(ui);
    let (rect, y) = (response.rect, response.rect.center().y);
    let quiet = |words| (words, Type::Caption, palette.text.tertiary);
    text::paint(ui.painter(), pos2(rect.right() - VALUE_RIGHT, y), Align2::RIGHT_CENTER, quiet(now));
    text::paint(ui.painter(), pos2(rect.right() - 12.0, y), Align2::RIGHT_CENTER, quiet(change));
}

/// A figure of the table.
struct Figure<'a> {
    name: &'a str,
    now: String,
    unit: &'a str,
    change: String,
    worse: bool,
    origin: &'a str,
}

/// What the draft comes to, and what dropping would change.
pub(super) fn figures(ui: &mut Ui, scene: &Scene, now: &Tally, after: Option<&Tally>) {
    let cycles = |tally: &Tally| tally.slowest.map(|(cycles, _)| cycles.0 as f64);
    let clock = scene.device.clock_run_hz.value;
    let limit = i64::from(scene.device.sram_bytes_per_core.value);
    let free = |tally: &Tally| (tally.kernels > 0).then_some((limit - tally.sram_bytes as i64) as f64 / 1_024.0);
    let rate = |tally: &Tally| tally.tokens_per_second(scene);
    let scale = rate_scale(rate(now).or(after.and_then(rate)));
    let rows = [
        (
            "Wire length",
            Some(now.wire as f64 / 1e6),
            after.map(|after| Some(after.wire as f64 / 1e6)),
            "Mhop·B",
            true,
            WIRE,
        ),
        (
            "Peak link",
            Some(now.peak_link as f64 / 1e3),
            after.map(|after| Some(after.peak_link as f64 / 1e3)),
            "kB",
            true,
            PEAK,
        ),
        (
            "Slowest stage",
            cycles(now).map(|cycles| cycles / clock * 1e6),
            after.map(|after| cycles(after).map(|cycles| cycles / clock * 1e6)),
            "µs",
            true,
            SLOWEST,
        ),
        ("SRAM free", free(now), after.map(free), "KiB", false, SRAM),
        (
            "Rate at most",
            rate(now).map(|rate| rate / scale.0),
            after.map(|after| rate(after).map(|rate| rate / scale.0)),
            scale.1,
            false,
            RATE,
        ),
    ];
    for (name, now, after, unit, more_is_worse, origin) in rows {
        let number = |value: f64| format::three_digits(value);
        let (change, worse) = match (now, after) {
            (Some(now), Some(Some(after))) => signed(after - now, more_is_worse),
            (None, Some(Some(after))) => (number(after), false),
            _ => (String::new(), false),
        };
        let now = now.map_or_else(|| "–".to_owned(), number);
        figure(ui, &Figure { name, now, unit, change, worse, origin });
    }
}

/// What a rate is divided by, and its unit.
pub(super) fn rate_scale(rate: Option<f64>) -> (f64, &'static str) {
    match rate.unwrap_or(0.0) {
        rate if rate >= 1e6 => (1e6, "M tok/s"),
        rate if rate >= 1e3 => (1e3, "k tok/s"),
        _ => (1.0, "tok/s"),
    }
}

/// A change with its sign, and whether it is one for the worse.
fn signed(change: f64, more_is_worse: bool) -> (String, bool) {
    let size = format::three_digits(change.abs());
    if change.abs() < 1e-9 {
        return ("0.0".to_owned(), false);
    }
    let sign = if change > 0.0 { "+" } else { "−" };
    (format!("{sign}{size}"), (change > 0.0) == more_is_worse)
}

fn figure(ui: &mut Ui, figure: &Figure<'_>) {
    let height = theme::tokens().spacing.row_height_compact;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let palette = theme::palette(ui);
    let (painter, y) = (ui.painter(), rect.center().y);
    let name = (figure.name, Type::Body, palette.text.secondary);
    text::paint(painter, pos2(rect.left() + 12.0, y), Align2::LEFT_CENTER, name);
    let value = rect.right() - VALUE_RIGHT;
    let now = (figure.now.as_str(), Type::Mono, palette.text.primary);
    text::paint(painter, pos2(value, y), Align2::RIGHT_CENTER, now);
    text::paint(
        painter,
        pos2(value + 5.0, y),
        Align2::LEFT_CENTER,
        (figure.unit, Type::Caption, palette.text.tertiary),
    );
    let colour = if figure.worse { palette.semantic.warn } else { palette.text.tertiary };
    let change = (figure.change.as_str(), Type::Mono, colour);
    text::paint(painter, pos2(rect.right() - 12.0, y), Align2::RIGHT_CENTER, change);
    let words = format!("{} {} {} {}", figure.name, figure.now, figure.unit, figure.change);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words.trim_end()));
    response.on_hover_text(figure.origin);
}

/// How much nearer a spot with so many hops is than where the hand is: `−61 hops`; the hops themselves if it is nowhere.
pub(super) fn gain(hops: u64, from: Option<u64>) -> String {
    let words = format::grouped(from.map_or(hops, |from| from.abs_diff(hops)));
    match from {
        Some(from) if from > hops => format!("−{words} hops"),
        Some(from) if from < hops => format!("+{words} hops"),
        Some(_) => "±0 hops".to_owned(),
        None => format!("{words} hops"),
    }
}

/// The spots as buttons: a click brings the hand there and drops what it holds.
fn spots(ui: &mut Ui, session: &Session, judgement: Option<&Judgement>, actions: &mut Vec<Action>) {
    let survey = &session.desk.survey;
    section_header(ui, &SectionHeader { title: "Better spots, in hops", note: "", key: "Tab", open: None });
    if survey.spots.is_empty() {
        return hint(ui, "This shape fits nowhere on the wafer as it is.");
    }
    let worse = judgement.is_some_and(|judgement| matches!(judgement.verdict(&survey.spots), Verdict::Worse { .. }));
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::hover());
    let width = ((area.width() - 24.0 - 8.0) / 3.0).floor();
    for (index, spot) in survey.spots.iter().enumerate() {
        let left = area.left() + 12.0 + (width + 4.0) * index as f32;
        let place = Rect::from_min_size(pos2(left, area.top() + 2.0), vec2(width, 24.0));
        let gain = gain(spot.hops, judgement.map(|judgement| judgement.hops));
        let name = format!("Drop at spot {}", index + 1);
        let origin = format!("{name}: {gain}, with its north-west corner at {}, {}", spot.rect.x, spot.rect.y);
        let response = spot_chip(ui, place, index + 1, gain.trim_end_matches(" hops"), worse && index == 0);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
        if response.on_hover_text(origin).clicked() {
            let corner = crate::hardware::Core { x: spot.rect.x, y: spot.rect.y };
            actions.push(Action::Place(PlaceAction::drop_at(corner)));
        }
    }
}

/// A spot with what it gains, in amber while where the hand is would be worse.
fn spot_chip(ui: &Ui, area: Rect, number: usize, gain: &str, amber: bool) -> Response {
    let palette = theme::palette(ui);
    let response = ui.interact(area, ui.scope_id().with(("spot", number)), Sense::click());
    let fill = if response.hovered() { palette.surface.hover } else { palette.surface.raised };
    let edge = if response.has_focus() { palette.accent.base } else { palette.line.control };
    let stroke = egui::Stroke::new(1.0, edge);
    ui.painter().rect(area, theme::tokens().radius.control, fill, stroke, egui::StrokeKind::Inside);
    let middle = area.center().y;
    super::numbered(ui.painter(), palette, pos2(area.left() + 12.0, middle), &number.to_string());
    let colour = if amber { palette.semantic.warn } else { palette.text.secondary };
    let run = (gain, Type::MonoSmall, colour);
    text::paint(ui.painter(), pos2(area.right() - 4.0, middle), Align2::RIGHT_CENTER, run);
    response
}

/// Contents with the padding of the panel, and space below.
pub(super) fn padded<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let margin = egui::Margin { left: 12, right: 12, top: 0, bottom: 8 };
    egui::Frame::new().inner_margin(margin).show(ui, contents).inner
}
