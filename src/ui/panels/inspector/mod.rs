//! The inspector: the pinned core at this moment, or with nothing pinned, what the whole run came to and why.
//!
//! Every number tells in its tooltip where it comes from: the device file, arithmetic, or the FLOW model. What only
//! changes with the program is kept between frames; the pinned core is asked for once a frame.

mod alternatives;
mod device;
mod memory;
mod parts;
mod pinned;
mod result;
mod why;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use egui::{ScrollArea, Ui};

use crate::compiler::Program;
use crate::compiler::sram::{self, SramPeak};
use crate::session::{Action, Session};
use crate::ui::app::{Mode, Shell};
use crate::ui::theme;

/// What the inspector keeps between frames.
#[derive(Default)]
pub(in crate::ui) struct InspectorState {
    tab: pinned::Tab,
    open: Open,
    facts: Option<Facts>,
}

/// Sections that fold, and whether they are open.
#[derive(Default)]
struct Open {
    alternatives: bool,
    assumptions: bool,
    device: bool,
}

/// What follows from the program alone.
struct Facts {
    program: Arc<Program>,
    /// The region with the fullest core, and that core's fullest moment.
    fullest: Option<(u32, SramPeak)>,
}

impl Facts {
    fn of(program: &Arc<Program>) -> Self {
        Self { program: Arc::clone(program), fullest: sram::fullest(program) }
    }
}

/// Draws the inspector.
pub(in crate::ui) fn show(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
    if shell.mode == Mode::Place && session.draft.is_some() {
        return super::place::inspector(ui, session, shell, actions);
    }
    let Some((scene, run)) = session.scene().zip(session.run.as_ref()) else { return };
    let state = &mut shell.inspector;
    ui.spacing_mut().item_spacing.y = 0.0;
    // What is pinned and what is not scroll each for themselves.
    let salt = ("inspector", session.pinned.is_some(), state.tab);
    ScrollArea::vertical().auto_shrink(false).id_salt(salt).show(ui, |ui| {
        if let Some(core) = session.pinned {
            pinned::show(ui, session, scene, &run.trace, core, &mut state.tab, actions);
            return;
        }
        let facts = match state.facts.take() {
            Some(facts) if Arc::ptr_eq(&facts.program, &scene.program) => facts,
            _ => Facts::of(&scene.program),
        };
        result::show(ui, scene, run, facts.fullest, &mut state.open);
        state.facts = Some(facts);
    });
}
