//! The left panel: the model with what is at work in it, and what can be chosen; in Place mode, what can be placed.

mod choices;
mod model;
mod outline;
mod place;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Ui;

use crate::compiler::{Mapping, Program};
use crate::session::{Action, FileAction, PlaceAction, Session};
use crate::sim::Scene;
use crate::ui::app::{Mode, Shell};
use crate::ui::theme;
use crate::ui::widgets::{self, SectionHeader};
use crate::workload::OpId;
use outline::Outline;

/// Sections that fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Model,
    Layer,
    Overlays,
    Scenarios,
}

/// What the panel keeps between frames.
pub(in crate::ui) struct LeftState {
    folded: BTreeSet<Section>,
    /// Blocks of resident models that show their operators.
    open_blocks: BTreeSet<u32>,
    /// Which of the two groups around the running block of a streaming model lists its blocks: before, after.
    open_groups: [bool; 2],
    /// The rows of the program that was compiled last.
    outline: Option<(Arc<Program>, Arc<Outline>)>,
    scenarios: Vec<choices::Row>,
    /// What was in hand when the tree last scrolled to it.
    revealed: Option<OpId>,
    /// Height of what stands below the tree in Place mode, as measured in the last frame.
    foot_height: f32,
    /// The scenario that opens next is opened to place kernels.
    pub place_next: bool,
}

impl Default for LeftState {
    fn default() -> Self {
        Self {
            folded: BTreeSet::new(),
            open_blocks: BTreeSet::from([0]),
            open_groups: [false; 2],
            outline: None,
            scenarios: choices::shipped(),
            revealed: None,
            foot_height: 300.0,
            place_next: false,
        }
    }
}

impl LeftState {
    /// The rows of the model, made once for each program.
    fn outline(&mut self, scene: &Scene) -> Arc<Outline> {
        match &self.outline {
            Some((program, outline)) if Arc::ptr_eq(program, &scene.program) => Arc::clone(outline),
            _ => {
                let outline = Arc::new(Outline::of(scene));
                self.outline = Some((Arc::clone(&scene.program), Arc::clone(&outline)));
                outline
            }
        }
    }

    /// The head of a section that folds; whether it is open.
    fn section(&mut self, ui: &mut Ui, section: Section, title: &str, (note, key): (&str, &str)) -> bool {
        let open = !self.folded.contains(&section);
        if widgets::section_header(ui, &SectionHeader { title, note, key, open: Some(open) }).clicked() {
            if open {
                self.folded.insert(section)
            } else {
                self.folded.remove(&section)
            };
        }
        open
    }
}

/// Opens the smallest resident model, ready to be placed.
pub(in crate::ui) fn open_to_place(shell: &mut Shell) -> Action {
    shell.left.place_next = true;
    Action::File(FileAction::OpenShipped("tiny-resident"))
}

/// Draws the panel.
pub(in crate::ui) fn show(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
    ui.spacing_mut().item_spacing.y = 0.0;
    let scene = session.scene().map(Arc::clone);
    if shell.mode == Mode::Place {
        let resident = scene.as_ref().is_some_and(|scene| scene.program.job.mapping != Mapping::Streaming);
        match (&scene, &session.draft) {
            (Some(scene), Some(draft)) => place::show(ui, scene, draft, shell, actions),
            (Some(_), None) if resident => actions.push(Action::Place(PlaceAction::Begin)),
            (Some(_), None) => place::nothing_to_place(ui, shell, actions),
            (None, _) => {}
        }
        return;
    }
    egui::ScrollArea::vertical().id_salt("explore").auto_shrink(false).show(ui, |ui| {
        if let Some(scene) = &scene {
            model::show(ui, session, scene, &mut shell.left, actions);
            widgets::divider(ui);
            choices::layers(ui, session, scene, &mut shell.left, actions);
            widgets::divider(ui);
            choices::overlays(ui, scene, shell);
            widgets::divider(ui);
        }
        choices::scenarios(ui, session, &mut shell.left, actions);
    });
}
