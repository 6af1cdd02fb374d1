//! Hand and compiler together in the inspector: what is held, what is asked, and what a proposal would change.

use egui::{Align2, Sense, Ui, pos2, vec2};

use super::hand::padded;
use super::{checker, tree::hint};
use crate::session::{Action, PlaceAction, Proposal, Session, Tally, Thinking, Wish};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Button, Chip, SectionHeader, Tone, section_header, text};
use crate::units::{Cycles, format};

/// Draws the page.
pub(super) fn show(ui: &mut Ui, scene: &Scene, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(draft) = &session.draft else { return };
    let desk = &session.desk;
    let placed = format!("{} of {} placed", draft.placed.len(), desk.survey.kernels);
    widgets::panel_title(ui, "Together", "", &placed);
    if let Some(proposal) = &desk.proposal {
        return comparison(ui, scene, proposal, shell, actions);
    }
    shell.place.before = false;
    if let Some(wish) = desk.asked() {
        return thinking(ui, scene, wish, desk.thinking.as_ref(), actions);
    }
    hint(
        ui,
        "Held kernels stay where they are. The compiler proposes places for the others; you see the difference before \
         anything changes.",
    );
    padded(ui, |ui| {
        ui.add_space(8.0);
        for wish in [Wish::Finish, Wish::Improve] {
            let words = match wish {
                Wish::Finish => "Everything that is placed stays; the compiler places what has no place (F9)",
                Wish::Improve => "Only held kernels stay; the compiler places all others anew (F10)",
            };
            let complete = draft.placed.len() == desk.survey.kernels;
            let useful = wish == Wish::Improve || !complete;
            let button = Button::secondary(wish.words()).enabled(useful).wide();
            if button.show(ui).on_hover_text(words).clicked() {
                actions.push(Action::Place(PlaceAction::Ask(wish)));
            }
            ui.add_space(4.0);
        }
        checker::run_button(ui, desk.survey.blocked().is_none(), actions);
        if let Some(blocked) = desk.survey.blocked() {
            ui.add_space(4.0);
            let warn = theme::palette(ui).semantic.warn;
            text::label(ui, (&format!("Blocked by {blocked}"), Type::Caption, warn));
        }
    });
    widgets::divider(ui);
    checker::last_run(ui, session, scene, session.desk.survey.differs);
}

/// How far the search for a proposal is, and what can be said meanwhile.
fn thinking(ui: &mut Ui, scene: &Scene, wish: Wish, thinking: Option<&Thinking>, actions: &mut Vec<Action>) {
    section_header(ui, &SectionHeader { title: wish.words(), note: "at work", key: "", open: None });
    match thinking {
        None => hint(ui, "The compiler reads the model, and lays the kernels out on shelves."),
        Some(Thinking { phase, moves, best, shelves, layout }) => {
            let time = |cycles: u64| format::duration(Cycles(cycles).seconds(scene.device.clock_run_hz.value).0);
            hint(ui, &format!("{}, {} moves tried.", sentence(phase), format::grouped(*moves)));
            let words = if layout.is_empty() {
                format!("Best run so far: {} on shelves.", time(*shelves))
            } else {
                let less = format::percent(1.0 - *best as f64 / (*shelves).max(1) as f64);
                format!(
                    "Best run so far: {}, {less} shorter than on shelves. Its outlines are on the map.",
                    time(*best)
                )
            };
            hint(ui, &words);
        }
    }
    padded(ui, |ui| {
        ui.add_space(4.0);
        let words = "Ends the search; what it has is proposed";
        if Button::secondary("Take the best so far").wide().show(ui).on_hover_text(words).clicked() {
            actions.push(Action::Place(PlaceAction::Enough));
        }
        ui.add_space(4.0);
        if Button::secondary("Cancel").wide().show(ui).clicked() {
            actions.push(Action::Place(PlaceAction::Decline));
        }
    });
}

/// With a capital letter in front.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Before and after, and the choice between them.
fn comparison(ui: &mut Ui, scene: &Scene, proposal: &Proposal, shell: &mut Shell, actions: &mut Vec<Action>) {
    section_header(ui, &SectionHeader { title: proposal.wish.words(), note: "proposed", key: "", open: None });
    let (placed, moved, removed) = proposal.counts();
    padded(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
            for (count, word) in [(placed, "placed"), (moved, "moved")].into_iter().filter(|(count, _)| *count > 0) {
                let word = format!("{count} {word}");
                widgets::chip(ui, Chip { tone: Tone::Info, icon: Icon::Place, word: &word });
            }
            if removed > 0 {
                let word = format!("{removed} without a place");
                widgets::chip(ui, Chip { tone: Tone::Warn, icon: Icon::Warning, word: &word });
            }
        });
    });
    table(ui, scene, &proposal.before, &proposal.after);
    for violation in proposal.violations.iter().take(3) {
        let palette = theme::palette(ui);
        padded(ui, |ui| text::label(ui, (violation, Type::Caption, palette.semantic.warn)));
    }
    padded(ui, |ui| {
        ui.add_space(12.0);
        let current = usize::from(!shell.place.before);
        if let Some(index) = widgets::segmented(ui, "compare", &["Before", "Proposed"], current) {
            shell.place.before = index == 0;
        }
        ui.add_space(12.0);
        if Button::primary("Accept").icon(Icon::Check).wide().show(ui).clicked() {
            actions.push(Action::Place(PlaceAction::Accept));
        }
        ui.add_space(4.0);
        if Button::secondary("Keep the old one").wide().show(ui).clicked() {
            actions.push(Action::Place(PlaceAction::Decline));
        }
        ui.add_space(4.0);
        let words = ("Enter accepts, Esc keeps the old one", Type::Caption, theme::palette(ui).text.tertiary);
        text::label(ui, words);
    });
}

/// Figures before, after, and their difference.
fn table(ui: &mut Ui, scene: &Scene, before: &Tally, after: &Tally) {
    let clock = scene.device.clock_run_hz.value;
    let slowest = |tally: &Tally| tally.slowest.map(|(cycles, _)| cycles.seconds(clock).0 * 1e6);
    let rate = |tally: &Tally| tally.tokens_per_second(scene);
    let (scale, unit) = super::hand::rate_scale(rate(after).or(rate(before)));
    let kib = |tally: &Tally| tally.sram_bytes as f64 / 1_024.0;
    let rows = [
        ("Kernels", Some(before.kernels as f64), Some(after.kernels as f64), false),
        ("Wire, Mhop·B", Some(before.wire as f64 / 1e6), Some(after.wire as f64 / 1e6), true),
        ("Peak link, kB", Some(before.peak_link as f64 / 1e3), Some(after.peak_link as f64 / 1e3), true),
        ("Slowest stage, µs", slowest(before), slowest(after), true),
        ("SRAM used, KiB", Some(kib(before)), Some(kib(after)), true),
        (
            &*format!("At most, {unit}"),
            rate(before).map(|rate| rate / scale),
            rate(after).map(|rate| rate / scale),
            false,
        ),
    ];
    // Figures of more kernels are larger for that alone.
    let alike = before.kernels == after.kernels;
    line(ui, ["", "before", "after", "change"], Type::Caption, false);
    for (name, before, after, more_is_worse) in rows {
        let words = |value: Option<f64>| match value {
            Some(value) if value.fract() == 0.0 => format::grouped(value as u64),
            Some(value) => format::three_digits(value),
            None => "–".to_owned(),
        };
        let (change, worse) = match (before, after) {
            (Some(before), Some(after)) if (after - before).abs() > 1e-9 => {
                let sign = if after > before { "+" } else { "−" };
                (format!("{sign}{}", words(Some((after - before).abs()))), alike && (after > before) == more_is_worse)
            }
            _ => ("0".to_owned(), false),
        };
        line(ui, [name, &words(before), &words(after), &change], Type::Mono, worse);
    }
}

fn line(ui: &mut Ui, cells: [&str; 4], kind: Type, worse: bool) {
    let height = theme::tokens().spacing.row_height_compact;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let palette = theme::palette(ui);
    let (painter, y) = (ui.painter(), rect.center().y);
    let name = (cells[0], Type::Body, palette.text.secondary);
    text::paint(painter, pos2(rect.left() + 12.0, y), Align2::LEFT_CENTER, name);
    let quiet = palette.text.tertiary;
    let colours = match kind {
        Type::Caption => [quiet; 3],
        _ => [palette.text.secondary, palette.text.primary, if worse { palette.semantic.warn } else { quiet }],
    };
    for ((cell, colour), right) in cells[1..].iter().zip(colours).zip([116.0, 64.0, 12.0]) {
        text::paint(painter, pos2(rect.right() - right, y), Align2::RIGHT_CENTER, (cell, kind, colour));
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, cells.join(" ")));
}
