//! What floats over everything: notices, the field for a path, the sheet of keys.

use egui::{Ui, UiBuilder, vec2};

use crate::session::{Action, FileAction, NoticeKind, Session};
use crate::ui::app::Shell;
use crate::ui::keys;
use crate::ui::layout::Layout;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Message, Tone, text};

/// Notices that are shown at once; the others wait.
const NOTICES_SHOWN: usize = 3;

/// Draws notices at the top left of the map, and whatever is open over it.
pub(in crate::ui) fn show(
    ui: &mut Ui,
    layout: &Layout,
    session: &Session,
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) {
    let width = 380.0_f32.min(layout.map.width() - 24.0);
    let place = egui::Rect::from_min_size(layout.map.min + vec2(12.0, 12.0), vec2(width, layout.map.height()));
    let mut cards = ui.new_child(UiBuilder::new().max_rect(place).id_salt("notices"));
    cards.spacing_mut().item_spacing.y = 8.0;
    for (index, notice) in session.notices.iter().enumerate().take(NOTICES_SHOWN) {
        let tone = match notice.kind {
            NoticeKind::Info => Tone::Info,
            NoticeKind::Warning => Tone::Warn,
            NoticeKind::Error => Tone::Error,
        };
        let mut words: Vec<&str> = notice.choices.iter().map(|(words, _)| *words).collect();
        words.push("Close");
        let message = Message { tone, title: &notice.title, sentence: &notice.text, actions: &words };
        if let Some(clicked) = widgets::message_card(&mut cards, &message) {
            let choice = notice.choices.get(clicked).map(|(_, action)| action.clone());
            actions.push(Action::File(choice.unwrap_or(FileAction::Dismiss(index))));
        }
    }
    if session.notices.len() > NOTICES_SHOWN {
        let words = format!("and {} more, once these are answered", session.notices.len() - NOTICES_SHOWN);
        text::label(&mut cards, (&words, Type::Caption, theme::palette(ui).text.secondary));
    }
    // The inspector says the same in numbers; without it, the sentence stands here.
    let refusal = session.run.as_ref().and_then(|run| run.refusal.as_ref());
    if let Some(reason) = refusal.filter(|_| !layout.inspector.is_positive()) {
        let message = Message { tone: Tone::Warn, title: "Does not fit", sentence: reason, actions: &[] };
        widgets::message_card(&mut cards, &message);
    }
    shell.files.show(ui, layout.map, actions);
    if shell.help {
        help(ui, shell);
    }
}

fn help(ui: &Ui, shell: &mut Shell) {
    let palette = theme::palette(ui);
    let response = egui::Modal::new(egui::Id::unique("keys")).show(ui.ctx(), |ui| {
        ui.set_width(560.0);
        text::label(ui, ("Keys", Type::Heading, palette.text.primary));
        ui.add_space(8.0);
        egui::Grid::new("sheet").num_columns(2).min_col_width(168.0).spacing([24.0, 4.0]).show(ui, |ui| {
            for (keys, what) in keys::SHEET {
                text::label(ui, (keys, Type::Mono, palette.text.primary));
                text::label(ui, (what, Type::Body, palette.text.secondary));
                ui.end_row();
            }
        });
    });
    if response.should_close() {
        shell.help = false;
    }
}

#[cfg(test)]
mod tests;
