//! The left panel: the model with what is at work in it, and what can be chosen. Place mode has its own in
//! [`super::place`].

mod choices;
mod model;
mod outline;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Ui;

use crate::compiler::Program;
use crate::session::{Action, FileAction, Session};
use crate::sim::Scene;
use crate::ui::app::{Mode, Shell};
use crate::ui::theme;
use crate::ui::widgets::{self, SectionHeader};
pub(super) use outline::{Leaf, Outline};

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
            place_next: false,
        }
    }
}

impl LeftState {
    /// The rows of the model, made once for each program.
    pub(super) fn outline(&mut self, scene: &Scene) -> Arc<Outline> {
        match &self.outline {
            Some((program, outline)) if Arc::ptr_eq(program, &scene.program) => Arc::clone(outline),
            _ => {
                let outline = Arc::new(Outline::of(scene));
                self.outline = Some((Arc::clone(&scene.program), Arc::clone(&outline)));
                outline
            }
        }
    }

    /// Whether a block of a resident model shows its operators.
    pub(super) fn is_open(&self, block: u32) -> bool {
        self.open_blocks.contains(&block)
    }

    /// Opens a block of a resident model, or closes it.
    pub(super) fn toggle(&mut self, block: u32) {
        if !self.open_blocks.remove(&block) {
            self.open_blocks.insert(block);
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
        return super::place::left(ui, session, shell, actions);
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
