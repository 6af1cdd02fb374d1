//! The map while kernels are placed: what is on the wafer at this moment, in the quiet colours of its kinds.

use egui::{Align2, Color32, StrokeKind, Ui, pos2, vec2};

use super::ghost::Stage;
use crate::hardware::Rect;
use crate::session::placing::ground;
use crate::session::{How, Session};
use crate::sim::{OpClass, Scene};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::text;
use crate::view::picture::colours::GROUND;
use crate::view::ramp::CATEGORICAL;
use crate::view::{Category, LayerInfo, Rgba};
use crate::workload::OpId;

/// How much of a kind's colour a placed kernel shows over the ground.
const PLACED_STRENGTH: f32 = 0.34;

/// The colour of a kind of operator, the same as on the kernel layer.
pub(super) fn class_colour(class: OpClass) -> Color32 {
    theme::data_colour(CATEGORICAL[class as usize % CATEGORICAL.len()])
}

/// The layer of what is placed: kinds of operators, quiet, on the ground of the map.
pub(in crate::ui) fn placed_layer() -> LayerInfo {
    let categories = OpClass::ALL.map(|class| {
        let strength = if class == OpClass::None { 0.0 } else { PLACED_STRENGTH };
        let own = CATEGORICAL[class as usize % CATEGORICAL.len()];
        let channel = |at: usize| {
            let (ground, own) = (f32::from(GROUND[at]), f32::from(own[at]));
            (ground + (own - ground) * strength).round() as u8
        };
        let colour: Rgba = [channel(0), channel(1), channel(2), 255];
        Category { name: class.words().to_owned(), colour }
    });
    LayerInfo::categorical("Placed kernels", categories.to_vec())
}

/// What is on the wafer: the draft, a proposal held against it, or what the compiler had laid out after a decision.
pub(in crate::ui) fn layout(session: &Session, before: bool) -> Vec<(OpId, Rect)> {
    let desk = &session.desk;
    match (desk.how, &desk.watch, &desk.proposal) {
        (How::Watch, Some(watch), _) => watch.layout_at(watch.at()),
        (How::Together, _, Some(proposal)) if !before => proposal.placed.clone(),
        _ => session.draft.as_ref().map(|draft| draft.placed.clone()).unwrap_or_default(),
    }
}

/// What of it is on the wafer that is shown.
pub(in crate::ui) fn layout_shown(session: &Session, before: bool) -> Vec<(OpId, Rect)> {
    match &session.desk.watch {
        Some(watch) if session.desk.how == How::Watch => watch.layout_on(session.wafer, watch.at()),
        _ => layout(session, before),
    }
}

/// One value per core, made again only when the layout changes.
#[derive(Default)]
pub(in crate::ui) struct Layer {
    values: Vec<u8>,
    placed: Vec<(OpId, Rect)>,
    revision: u64,
}

impl Layer {
    /// The class of the kernel on every core, and how often the values have changed.
    pub(in crate::ui) fn values(&mut self, placed: &[(OpId, Rect)], scene: &Scene) -> (&[u8], u64) {
        let cores = scene.device.fabric_cores() as usize;
        if self.values.len() != cores || self.placed != placed {
            ground::classes(scene, placed, &mut self.values);
            placed.clone_into(&mut self.placed);
            self.revision += 1;
        }
        (&self.values, self.revision)
    }
}

/// Which colour is which kind, at the bottom right of the map.
pub(super) fn legend(ui: &Ui, stage: &Stage<'_>) {
    let width = theme::tokens().layout.gutter;
    if stage.area.width() < 3.0 * width {
        return;
    }
    let palette = theme::palette(ui);
    let painter = ui.painter().with_clip_rect(stage.area);
    let row = theme::tokens().spacing.row_height_compact;
    let kinds = OpClass::ALL.into_iter().filter(|&class| class != OpClass::None);
    let height = 36.0 + row * kinds.clone().count() as f32 + 8.0;
    let corner = stage.area.right_bottom() - vec2(12.0, 12.0);
    let card = egui::Rect::from_min_max(corner - vec2(width, height), corner);
    let edge = egui::Stroke::new(1.0, palette.line.control);
    painter.rect(card, theme::tokens().radius.card, palette.surface.raised, edge, StrokeKind::Inside);
    let left = card.left() + 12.0;
    let title = ("Kinds of kernels", Type::Title, palette.text.primary);
    text::paint(&painter, pos2(left, card.top() + 20.0), Align2::LEFT_CENTER, title);
    for (index, class) in kinds.enumerate() {
        let middle = card.top() + 36.0 + row * (index as f32 + 0.5);
        let swatch = egui::Rect::from_center_size(pos2(left + 4.0, middle), vec2(8.0, 8.0));
        painter.rect_filled(swatch, 0.0, class_colour(class));
        let words = (class.words(), Type::Body, palette.text.secondary);
        text::paint(&painter, pos2(left + 16.0, middle), Align2::LEFT_CENTER, words);
    }
}
