//! The left panel while kernels are placed by hand: which of them have a place, what is in hand, what it would cost.

use egui::{Align2, Rect, Response, Sense, Ui, UiBuilder, pos2, vec2};

use super::outline::{Leaf, Outline};
use super::{LeftState, model};
use crate::compiler::resident;
use crate::session::{Action, Draft, End, Hand, Judgement, PlaceAction};
use crate::sim::{OpClass, Scene};
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::panels::{ghost, map};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{
    self, Button, Chip, RowState, SectionHeader, Segment, Tone, TreeRow, label_value, section_header, text, tree_row,
};
use crate::units::format;
use crate::workload::OpId;

/// Where the cost of a kernel comes from.
const COST: &str = "Our model, FLOW: time to take one sequence in and to compute it on the fullest core, from the \
                    shape and the published width of the core's data path.";
/// Where SRAM comes from.
const SRAM: &str = "Our model: weights, activations, buffers and code of the fullest core, counted exactly. The limit \
                    of 48 KiB a core is published.";
/// Where hops come from.
const HOPS: &str = "Our model: hops between the middles of the two kernels, one cycle each.";

/// Height of the verdict on where the pointer is.
const VERDICT_HEIGHT: f32 = 64.0;

/// Says that streaming leaves nothing to place, and offers a model that does.
pub(super) fn nothing_to_place(ui: &mut Ui, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    section_header(ui, &SectionHeader { title: "Place", note: "", key: "", open: None });
    padded(ui, |ui| {
        let sentence = "While weights stream, every operator in turn uses the whole wafer, so there is nothing to \
                        place. Kernels of a resident model stay where they are put.";
        text::label(ui, (sentence, Type::Body, palette.text.secondary));
        ui.add_space(8.0);
        if Button::primary("Place the tiny transformer").wide().show(ui).clicked() {
            actions.push(super::open_to_place(shell));
        }
    });
}

/// Draws the panel for a draft.
pub(super) fn show(ui: &mut Ui, scene: &Scene, draft: &Draft, shell: &mut Shell, actions: &mut Vec<Action>) {
    let outline = shell.left.outline(scene);
    let placeable = outline.leaves.iter().filter(|leaf| leaf.kernel.is_some()).count();
    let note = format!("{} of {placeable} placed", draft.placed.len());
    section_header(ui, &SectionHeader { title: "Model", note: &note, key: "", open: None });
    let area = ui.max_rect();
    let foot_top = (area.bottom() - shell.left.foot_height).max(area.top() + 120.0);
    let tree = Rect::from_min_max(ui.cursor().min, pos2(area.right(), foot_top));
    let mut upper = ui.new_child(UiBuilder::new().max_rect(tree).id_salt("place tree"));
    upper.set_clip_rect(tree.intersect(ui.clip_rect()));
    egui::ScrollArea::vertical().id_salt("place").auto_shrink(false).show(&mut upper, |ui| {
        let held = draft.hand.map(|hand| hand.op);
        let reveal = held != shell.left.revealed;
        shell.left.revealed = held;
        Tree { scene, draft, outline: &outline, reveal }.show(ui, &mut shell.left, actions);
    });
    let foot = Rect::from_min_max(pos2(area.left(), foot_top), area.max);
    let mut lower = ui.new_child(UiBuilder::new().max_rect(foot).id_salt("place foot"));
    lower.spacing_mut().item_spacing.y = 0.0;
    widgets::divider(&mut lower);
    let judgement = shell.map.hover.and_then(|core| map::ghost_corner(draft, core, scene));
    let judgement = judgement.and_then(|corner| draft.judge(scene, corner));
    match draft.hand {
        Some(hand) => in_hand(&mut lower, scene, draft, hand, judgement.as_ref(), actions),
        None => empty_hand(&mut lower),
    }
    widgets::divider(&mut lower);
    verbs(&mut lower, placeable.saturating_sub(draft.placed.len()), actions);
    shell.left.foot_height = lower.min_rect().height();
}

/// The operators with what is known of their places.
struct Tree<'a> {
    scene: &'a Scene,
    draft: &'a Draft,
    outline: &'a Outline,
    /// What is in hand has changed: its row scrolls into view.
    reveal: bool,
}

impl Tree<'_> {
    fn show(&self, ui: &mut Ui, state: &mut LeftState, actions: &mut Vec<Action>) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let outline = self.outline;
        for leaf in &outline.leaves[..outline.body.start] {
            self.leaf(ui, leaf, 0, actions);
        }
        let held = self.draft.hand.and_then(|hand| self.scene.graph.op(hand.op).block);
        for (block, leaves) in outline.blocks.iter().enumerate() {
            let leaves = &outline.leaves[leaves.clone()];
            let placed = leaves.iter().filter(|leaf| self.draft.rect_of(leaf.op).is_some()).count();
            let open = state.open_blocks.contains(&(block as u32)) || held == Some(block as u32);
            let (name, value) = (format!("block {block}"), format!("{placed} of {}", leaves.len()));
            let group = RowState::Group { open };
            let row = TreeRow { name: &name, value: &value, depth: 0, state: group, selected: false, strong: open };
            if ui.push_id(("block", block), |ui| tree_row(ui, &row)).inner.clicked() {
                model::toggle(state, block as u32);
            }
            for leaf in leaves.iter().filter(|_| open) {
                self.leaf(ui, leaf, 1, actions);
            }
        }
        for leaf in &outline.leaves[outline.body.end..] {
            self.leaf(ui, leaf, 0, actions);
        }
    }

    fn leaf(&self, ui: &mut Ui, leaf: &Leaf, depth: u32, actions: &mut Vec<Action>) {
        let Some(kernel) = leaf.kernel else { return };
        let hand = self.draft.hand.filter(|hand| hand.op == leaf.op);
        let placed = self.draft.rect_of(leaf.op);
        let region = self.scene.program.kernels[kernel].regions.start;
        let compiled = self.scene.program.regions[region as usize].rect;
        let (width, height) = match (hand, placed) {
            (Some(hand), _) => (hand.width, hand.height),
            (None, Some(rect)) => (rect.width, rect.height),
            (None, None) => (compiled.width, compiled.height),
        };
        let row = TreeRow {
            name: &self.scene.graph.op(leaf.op).name,
            value: &format!("{width}×{height}"),
            depth,
            state: if placed.is_some() { RowState::Done } else { RowState::Waiting },
            selected: hand.is_some(),
            strong: false,
        };
        let response = ui.push_id(("op", leaf.op.0), |ui| tree_row(ui, &row)).inner;
        if hand.is_some() {
            if self.reveal {
                response.scroll_to_me(None);
            }
            let at = pos2(response.rect.left() + 18.0 + 16.0 * depth as f32, response.rect.center().y);
            Icon::Place.paint_at(ui.painter(), at, 12.0, theme::palette(ui).accent.base);
        }
        if response.clicked() {
            let action = if hand.is_some() { PlaceAction::PutBack } else { PlaceAction::Pick(leaf.op) };
            actions.push(Action::Place(action));
        }
    }
}

fn empty_hand(ui: &mut Ui) {
    let palette = theme::palette(ui);
    section_header(ui, &SectionHeader { title: "In hand", note: "", key: "E", open: None });
    padded(ui, |ui| {
        let words = "Nothing yet. Click an operator above or its outline on the wafer, or press E for the next one.";
        text::label(ui, (words, Type::Body, palette.text.secondary));
    });
}

fn in_hand(
    ui: &mut Ui,
    scene: &Scene,
    draft: &Draft,
    hand: Hand,
    judgement: Option<&Judgement>,
    actions: &mut Vec<Action>,
) {
    let Hand { op, width, height, from } = hand;
    let name = resident::label_of(&scene.graph, op);
    section_header(ui, &SectionHeader { title: "In hand", note: &name, key: "", open: None });
    let cost = resident::shape(&scene.graph, &scene.device, &scene.program, op, (width, height));
    label_value(ui, "Shape", &format!("{width}×{height}"), "cores", "");
    let cycles = format::cycles(cost.cycles.0);
    let (value, unit) = cycles.rsplit_once(' ').unwrap_or((&cycles, ""));
    label_value(ui, "Time", value, &format!("{unit} a sequence"), COST);
    let limit = u64::from(scene.device.sram_bytes_per_core.value);
    let (used, limit_words) = (format::kib(cost.sram_bytes_per_core), format::kib(limit));
    label_value(ui, "SRAM", &used, &format!("of {limit_words} KiB"), SRAM);
    let share = cost.sram_bytes_per_core as f32 / limit.max(1) as f32;
    let colour = ghost::class_colour(OpClass::of(&scene.graph, op.0 as usize));
    widgets::stacked_bar(ui, "SRAM per core", &[Segment { name: "in use", share, value: &used, colour }]);
    keys(ui, from.is_some(), actions);
    widgets::divider(ui);
    section_header(ui, &SectionHeader { title: "If dropped here", note: "", key: "", open: None });
    consequences(ui, scene, draft, op, judgement);
    verdict(ui, judgement);
}

/// The keys that act on what is in hand; each can be clicked too.
fn keys(ui: &mut Ui, from_wafer: bool, actions: &mut Vec<Action>) {
    let mut place = ui.cursor().left_top() + vec2(12.0, 0.0);
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    place.y = row.center().y;
    let all = [
        ("R", "rotate", PlaceAction::Rotate),
        ("Q", "put back", PlaceAction::PutBack),
        ("Del", "take off", PlaceAction::TakeOff),
    ];
    for (key, word, action) in all.into_iter().take(if from_wafer { 3 } else { 2 }) {
        let response = key_verb(ui, place, key, word);
        place.x = response.rect.right() + 12.0;
        if response.clicked() {
            actions.push(Action::Place(action));
        }
    }
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

/// Hops to the placed neighbours; the same rows whether the pointer is on the wafer or not, so that nothing jumps.
fn consequences(ui: &mut Ui, scene: &Scene, draft: &Draft, op: OpId, judgement: Option<&Judgement>) {
    let rect = judgement.map(|judgement| judgement.rect).unwrap_or_default();
    let neighbours = draft.neighbours(scene, op, rect);
    for (end, word) in [(End::Source, "From"), (End::Sink, "To")] {
        let Some(neighbour) = neighbours.iter().find(|neighbour| neighbour.end == end) else {
            label_value(ui, word, "–", "not placed", HOPS);
            continue;
        };
        let name = &scene.graph.op(neighbour.op).name;
        match judgement {
            Some(_) => {
                let hops = format::grouped(u64::from(neighbour.hops));
                label_value(ui, word, &hops, &format!("hops, {name}"), HOPS);
            }
            None => {
                label_value(ui, word, "–", name, HOPS);
            }
        }
    }
}

fn verdict(ui: &mut Ui, judgement: Option<&Judgement>) {
    let palette = theme::palette(ui);
    let Some(judgement) = judgement else {
        return verdict_box(ui, |ui| {
            text::label(ui, ("Point at the wafer to see.", Type::Caption, palette.text.tertiary));
        });
    };
    verdict_box(ui, |ui| {
        let Some(worst) = judgement.violations.first() else {
            widgets::chip(ui, Chip { tone: Tone::Ok, icon: Icon::Check, word: "Free, click to drop" });
            return;
        };
        widgets::chip(ui, Chip { tone: Tone::Error, icon: Icon::Forbidden, word: "Cannot be dropped" });
        ui.add_space(4.0);
        text::label(ui, (&worst.to_string(), Type::Caption, palette.text.secondary));
        if judgement.violations.len() > 1 {
            let more = format!("and {} more", judgement.violations.len() - 1);
            text::label(ui, (&more, Type::Caption, palette.text.tertiary));
        }
    });
}

/// Room for a verdict of a chip and three lines, so that nothing above it jumps.
fn verdict_box(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    padded(ui, |ui| {
        ui.set_min_height(VERDICT_HEIGHT);
        ui.add_space(4.0);
        contents(ui);
    });
}

/// What ends placing.
fn verbs(ui: &mut Ui, left: usize, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.add_space(8.0);
    padded(ui, |ui| {
        let (label, note) = match left {
            0 => ("Run", "All kernels have a place. Ctrl+Enter".to_owned()),
            1 => ("Place the rest and run", "The compiler places the last one. Ctrl+Enter".to_owned()),
            left => ("Place the rest and run", format!("The compiler places the other {left}. Ctrl+Enter")),
        };
        if Button::primary(label).icon(Icon::Play).wide().show(ui).clicked() {
            actions.push(Action::Place(PlaceAction::FinishAndRun));
        }
        ui.add_space(4.0);
        text::label(ui, (&note, Type::Caption, palette.text.tertiary));
        ui.add_space(8.0);
        let leave = Button::secondary("Leave placing").wide().show(ui);
        if leave.on_hover_text("Nothing that was placed since is kept").clicked() {
            actions.push(Action::Place(PlaceAction::Abandon));
        }
    });
}

/// Contents with the padding of the panel, and space below.
fn padded(ui: &mut Ui, contents: impl FnOnce(&mut Ui)) {
    let margin = egui::Margin { left: 12, right: 12, top: 0, bottom: 12 };
    egui::Frame::new().inner_margin(margin).show(ui, contents);
}
