//! The bar at the top: name, menus, what is open, undo and redo, and the fidelity of every number on the screen.

use egui::{Align2, Context, Ui, UiBuilder, pos2, vec2};

use crate::session::drafts::{DRAFT_DAYS_MAX, DRAFTS_MAX};
use crate::session::recent::RECENT_MAX;
use crate::session::{Action, FileAction, PlaceAction, Session, TimeAction, ViewAction, library};
use crate::sim::Layer;
use crate::ui::app::{Mode, Shell};
use crate::ui::files::Purpose;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, text};

/// What the FLOW ruler is and is not.
const FLOW: &str = "FLOW: every kernel and stream has one rate in each interval. Single wavelets, queues and bank \
                    conflicts are not followed.";

/// What the ANALYTIC ruler is and is not.
const ANALYTIC: &str = "ANALYTIC: closed forms of shapes and places, while kernels are placed. Nothing is executed; the run \
                        that follows is FLOW.";

/// Saves where the document lives, or asks for a place.
pub(in crate::ui) fn save(ctx: &Context, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    match &session.document.path {
        Some(path) if !session.document.read_only => {
            actions.push(Action::File(FileAction::SaveAs(path.clone())));
        }
        _ => ask_where_to_save(ctx, session, shell),
    }
}

/// Asks for a place to save to.
pub(in crate::ui) fn ask_where_to_save(ctx: &Context, session: &Session, shell: &mut Shell) {
    shell.files.ask(ctx, Purpose::Save, &file_name(&session.scenario().title));
}

/// What is open, and how it stands to its file.
pub(in crate::ui) fn title(session: &Session) -> String {
    let read_only = if session.document.read_only { ", read-only" } else { "" };
    let changed = if session.document.changed { ", changed" } else { "" };
    format!("{}{read_only}{changed}", session.scenario().title)
}

/// A title as a file name.
fn file_name(title: &str) -> String {
    let dashed: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// Width that the menus take with what stands at the right end, in points.
const MENUS_AND_BADGE: f32 = 330.0;

/// Draws the title bar.
pub(in crate::ui) fn show(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let bar = ui.max_rect();
    ui.painter().rect_filled(bar, 0.0, palette.surface.app);
    Icon::Wafer.paint_at(ui.painter(), pos2(bar.left() + 28.0, bar.center().y), 16.0, palette.accent.base);
    let name = ("Waferscope", Type::Heading, palette.text.primary);
    text::paint(ui.painter(), pos2(bar.left() + 48.0, bar.center().y), Align2::LEFT_CENTER, name);
    // Beside the left pane, or nearer to the name where the window is too narrow for that.
    let beside = theme::tokens().layout.rail + theme::tokens().layout.left_pane;
    let after_name = 48.0 + text::width(ui.painter(), "Waferscope", Type::Heading);
    let menus = bar.with_min_x(bar.left() + beside.min(bar.width() - MENUS_AND_BADGE).max(after_name));
    let left = egui::Layout::left_to_right(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(menus.shrink2(vec2(12.0, 6.0))).layout(left));
    row.spacing_mut().item_spacing.x = 20.0;
    row.visuals_mut().button_frame = false;
    menus_of(&mut row, session, shell, actions);
    let title = title(session);
    // In the middle where there is room, else left out: the system's own title bar has it too.
    let half = text::width(ui.painter(), &title, Type::BodyStrong) / 2.0;
    if bar.center().x - half > row.min_rect().right() + 16.0 {
        let run = (title.as_str(), Type::BodyStrong, palette.text.secondary);
        let rect = text::paint(ui.painter(), bar.center(), Align2::CENTER_CENTER, run);
        let place = ui.interact(rect, ui.scope_id().with("document"), egui::Sense::hover());
        widgets::describe(&place, egui::Role::Label, &title);
    }
    let right = egui::Layout::right_to_left(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(bar.shrink2(vec2(12.0, 6.0))).layout(right));
    row.spacing_mut().item_spacing.x = 8.0;
    if widgets::icon_button(&mut row, Icon::Help, "Keys (F1)", 24.0, shell.help).clicked() {
        shell.help = !shell.help;
    }
    if shell.mode == Mode::Place && session.draft.is_some() {
        widgets::fidelity_badge(&mut row, Icon::Analytic, "ANALYTIC", ANALYTIC);
    } else {
        widgets::fidelity_badge(&mut row, Icon::Flow, "FLOW", FLOW);
    }
    if let Some(draft) = &session.draft {
        let (undo, redo) = draft.can_undo_redo();
        let redo_words = draft.history.redone().map(|entry| format!("Redo: {} (Ctrl+Y)", entry.label));
        let redo_words = redo_words.unwrap_or_else(|| "Nothing to redo".to_owned());
        if widgets::icon_button(&mut row, Icon::Redo, &redo_words, 24.0, false).clicked() && redo {
            actions.push(Action::Place(PlaceAction::Redo));
        }
        let undo_words = draft.history.undone().map(|entry| format!("Undo: {} (Ctrl+Z)", entry.label));
        let undo_words = undo_words.unwrap_or_else(|| "Nothing to undo".to_owned());
        if widgets::icon_button(&mut row, Icon::Undo, &undo_words, 24.0, false).clicked() && undo {
            actions.push(Action::Place(PlaceAction::Undo));
        }
    }
}

fn menus_of(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    ui.menu_button("File", |ui| file_menu(ui, session, shell, actions));
    ui.menu_button("View", |ui| view_menu(ui, session, shell, actions));
    ui.menu_button("Run", |ui| {
        for (words, action) in [
            ("Play or pause", TimeAction::TogglePlay),
            ("Play backwards", TimeAction::Play { reverse: true }),
            ("Go to the start", TimeAction::Start),
            ("Go to the end", TimeAction::End),
        ] {
            if ui.button(words).clicked() {
                actions.push(Action::Time(action));
                ui.close();
            }
        }
        ui.separator();
        if ui.button("Run again from the beginning").clicked() {
            actions.push(Action::File(FileAction::Restart));
            ui.close();
        }
    });
    ui.menu_button("Help", |ui| {
        if ui.button("Keys").clicked() {
            shell.help = true;
            ui.close();
        }
    });
}

fn file_menu(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    if ui.button("Open…").clicked() {
        shell.files.ask(ui.ctx(), Purpose::Open, "");
        ui.close();
    }
    if ui.button("Open a path…").clicked() {
        shell.files.type_path(Purpose::Open, "");
        ui.close();
    }
    ui.menu_button("Shipped scenarios", |ui| {
        for shipped in &library::ALL {
            if ui.button(shipped.name).clicked() {
                actions.push(Action::File(FileAction::OpenShipped(shipped.name)));
                ui.close();
            }
        }
    });
    ui.add_enabled_ui(!session.recent.is_empty(), |ui| {
        ui.menu_button("Recent", |ui| {
            for path in &session.recent {
                if ui.button(path.display().to_string()).clicked() {
                    actions.push(Action::File(FileAction::Open(path.clone())));
                    ui.close();
                }
            }
            if session.recent.len() == RECENT_MAX {
                let words = format!("The last {RECENT_MAX} are remembered");
                text::label(ui, (&words, Type::Caption, theme::palette(ui).text.tertiary));
            }
        });
    });
    let asides: Vec<_> = session.aside().collect();
    ui.add_enabled_ui(!asides.is_empty(), |ui| {
        ui.menu_button("Drafts", |ui| {
            for (aside, time) in &asides {
                if ui.button(format!("{}, {time}", aside.title)).clicked() {
                    actions.push(Action::File(FileAction::TakeUp(aside.name.clone())));
                    ui.close();
                }
            }
            ui.separator();
            let words = format!("The newest {DRAFTS_MAX} are kept, for {DRAFT_DAYS_MAX} days each");
            text::label(ui, (&words, Type::Caption, theme::palette(ui).text.tertiary));
        });
    });
    ui.separator();
    if ui.button("New window").clicked() {
        actions.push(Action::File(FileAction::NewWindow));
        ui.close();
    }
    ui.separator();
    // A file of a newer program stays as it is.
    if ui.button(if session.document.read_only { "Save a copy…" } else { "Save" }).clicked() {
        save(ui.ctx(), session, shell, actions);
        ui.close();
    }
    if ui.button("Save as…").clicked() {
        ask_where_to_save(ui.ctx(), session, shell);
        ui.close();
    }
    if ui.button("Save to a path…").clicked() {
        shell.files.type_path(Purpose::Save, "");
        ui.close();
    }
    ui.separator();
    if ui.button("Quit").clicked() {
        ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
    }
}

fn view_menu(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    for layer in Layer::ALL {
        let Some(scene) = session.scene() else { break };
        let title = super::map::layer_info(layer, scene).title;
        if ui.radio(session.layer == layer, title).clicked() {
            actions.push(Action::View(ViewAction::Show(layer)));
            ui.close();
        }
    }
    ui.separator();
    if ui.button("Fit the wafer").clicked() {
        shell.map.ask(super::map::Zoom::Fit);
        ui.close();
    }
    let overlays = &mut shell.map.overlays;
    ui.checkbox(&mut overlays.kernels, "Kernel outlines");
    ui.checkbox(&mut overlays.dies, "Die grid");
    ui.checkbox(&mut overlays.defects, "Defects");
    ui.separator();
    let mut preference = ui.ctx().options(|options| options.theme_preference);
    let before = preference;
    ui.radio_value(&mut preference, egui::ThemePreference::System, "Theme of the system");
    ui.radio_value(&mut preference, egui::ThemePreference::Dark, "Dark");
    ui.radio_value(&mut preference, egui::ThemePreference::Light, "Light");
    if preference != before {
        ui.ctx().set_theme(preference);
    }
}
