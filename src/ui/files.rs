//! Opening and saving: the desktop's own dialogs on a thread of their own, a path that can be typed, files dropped on
//! the window.
//!
//! Where the desktop has no dialog to show, the field for a path opens with a sentence that says so.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{Context, Key, Rect, Ui};

use crate::session::{Action, FileAction};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{Button, text};

/// What a dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Open,
    Save,
}

/// A path that is being typed.
#[derive(Clone, Debug)]
struct Typing {
    purpose: Purpose,
    path: String,
    /// Why it opened by itself.
    sentence: &'static str,
    /// The field takes the keys when it appears.
    focus: bool,
}

/// The dialogs that are open.
#[derive(Debug)]
pub(super) struct Files {
    sender: Sender<(Purpose, Option<PathBuf>, bool)>,
    receiver: Receiver<(Purpose, Option<PathBuf>, bool)>,
    asking: bool,
    typing: Option<Typing>,
}

impl Default for Files {
    fn default() -> Self {
        let (sender, receiver) = bounded(4);
        Self { sender, receiver, asking: false, typing: None }
    }
}

/// A dialog that is gone sooner than a hand could close it was never there.
const DIALOG_MILLISECONDS_MIN: u128 = 150;

impl Files {
    /// Opens the desktop's dialog.
    pub(super) fn ask(&mut self, ctx: &Context, purpose: Purpose, name: &str) {
        if std::mem::replace(&mut self.asking, true) {
            return;
        }
        let (sender, ctx, name) = (self.sender.clone(), ctx.clone(), format!("{name}.ron"));
        let run = move || {
            let begun = std::time::Instant::now();
            let dialog = rfd::FileDialog::new();
            let path = match purpose {
                Purpose::Open => dialog
                    .set_title("Open a scenario or a model")
                    .add_filter("Scenarios and models", &["ron", "yaml", "yml", "json"])
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Purpose::Save => dialog
                    .set_title("Save the scenario")
                    .add_filter("Scenario", &["ron"])
                    .set_file_name(name)
                    .save_file(),
            };
            let missing = path.is_none() && begun.elapsed().as_millis() < DIALOG_MILLISECONDS_MIN;
            // If the window is gone, nobody waits for the answer.
            let _told = sender.try_send((purpose, path, missing)).is_ok();
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("dialog".to_owned()).spawn(run).is_err() {
            self.asking = false;
            self.type_path(purpose, "This system gave no thread for a dialog.");
        }
    }

    /// Opens the field for a path.
    pub(super) fn type_path(&mut self, purpose: Purpose, sentence: &'static str) {
        self.typing = Some(Typing { purpose, path: String::new(), sentence, focus: true });
    }

    /// Whether a field takes the keys.
    pub(super) fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Collects what dialogs and drops have brought.
    pub(super) fn update(&mut self, ctx: &Context, actions: &mut Vec<Action>) {
        while let Ok((purpose, path, missing)) = self.receiver.try_recv() {
            self.asking = false;
            match path {
                // The dialog has asked whether a file that is there may go.
                Some(path) if purpose == Purpose::Save => actions.push(Action::File(FileAction::Overwrite(path))),
                Some(path) => actions.push(Action::File(act(purpose, path))),
                None if missing => self.type_path(purpose, "This desktop has no file dialog to show; type a path."),
                None => {}
            }
        }
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        // One document a window: of several files the first is opened.
        if let Some(path) = dropped.into_iter().next() {
            actions.push(Action::File(FileAction::Open(path)));
        }
    }

    /// Draws the field for a path, if it is open, over `area`.
    pub(super) fn show(&mut self, ui: &Ui, area: Rect, actions: &mut Vec<Action>) {
        let Some(typing) = &mut self.typing else { return };
        let palette = theme::palette(ui);
        let (title, button) = match typing.purpose {
            Purpose::Open => ("Open a scenario or a model", "Open"),
            Purpose::Save => ("Save the scenario as", "Save"),
        };
        let mut done = ui.input(|input| input.key_pressed(Key::Escape));
        let frame = egui::Frame::window(ui.style());
        let size = egui::vec2(480.0_f32.min(area.width() - 32.0), 0.0);
        egui::Window::new("path")
            .title_bar(false)
            .resizable(false)
            .fixed_pos(area.center_top() + egui::vec2(-size.x / 2.0, 72.0))
            .fixed_size(size)
            .frame(frame)
            .show(ui.ctx(), |ui| {
                text::label(ui, (title, Type::Title, palette.text.primary));
                if !typing.sentence.is_empty() {
                    text::label(ui, (typing.sentence, Type::Body, palette.text.secondary));
                }
                let field = egui::TextEdit::singleline(&mut typing.path)
                    .hint_text("path to a .ron scenario, a model-zoo .yaml or a config.json")
                    .font(Type::Mono.font())
                    .desired_width(f32::INFINITY);
                let field = ui.add(field);
                if std::mem::take(&mut typing.focus) {
                    field.request_focus();
                }
                let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                ui.add_space(4.0);
                ui.horizontal(|ui| {
                    let clicked = Button::primary(button).show(ui).clicked();
                    if (clicked || entered) && !typing.path.trim().is_empty() {
                        actions.push(Action::File(act(typing.purpose, PathBuf::from(typing.path.trim()))));
                        done = true;
                    }
                    done |= Button::quiet("Cancel").show(ui).clicked();
                });
            });
        if done {
            self.typing = None;
        }
    }
}

fn act(purpose: Purpose, path: PathBuf) -> FileAction {
    match purpose {
        Purpose::Open => FileAction::Open(path),
        Purpose::Save => FileAction::SaveAs(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui_kittest::Harness;
    use std::path::Path;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Dropped(PathBuf);

    impl egui::DroppedFile for Dropped {
        fn path(&self) -> &Path {
            &self.0
        }

        fn bytes(&self) -> Result<Vec<u8>, String> {
            Err("the path is enough".to_owned())
        }
    }

    #[test]
    fn a_dropped_file_is_opened() {
        let mut harness = Harness::new_ui_state(
            |ui, (files, actions): &mut (Files, Vec<Action>)| files.update(ui.ctx(), actions),
            (Files::default(), Vec::new()),
        );
        let path = PathBuf::from("model.yaml");
        harness.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
        harness.run();
        assert_eq!(harness.state().1, [Action::File(FileAction::Open(path))]);
    }
}
