//! The left panel: which kernels have a place, are in hand, have none, or were rejected by the compiler, and what is in
//! hand below.

use egui::{Rect, Ui, UiBuilder, pos2, vec2};

use super::hand;
use crate::compiler::Decision;
use crate::session::{Action, Draft, How, PlaceAction, Session, WatchAction};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::panels::left::{self, Leaf, Outline};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Button, RowState, SectionHeader, TreeRow, section_header, text, tree_row};
use crate::workload::OpId;

/// Least height of the tree, in points.
const TREE_MIN: f32 = 96.0;

/// A row of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Block(u32),
    /// The group of what the compiler rejected.
    Rejected,
    Op(OpId),
}

/// Says that streaming leaves nothing to place, and offers a model that does.
pub(super) fn nothing_to_place(ui: &mut Ui, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    section_header(ui, &SectionHeader { title: "Place", note: "", key: "", open: None });
    hand::padded(ui, |ui| {
        let sentence = "While weights stream, every operator in turn uses the whole wafer, so there is nothing to place. \
                        Kernels of a resident model stay where they are put.";
        text::label(ui, (sentence, Type::Body, palette.text.secondary));
        ui.add_space(8.0);
        if Button::primary("Place the tiny transformer").wide().show(ui).clicked() {
            actions.push(left::open_to_place(shell));
        }
    });
}

/// Draws the panel for a draft.
pub(super) fn show(
    ui: &mut Ui,
    scene: &Scene,
    session: &Session,
    draft: &Draft,
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) {
    let outline = shell.left.outline(scene);
    let shown = super::layout(session, shell.place.before);
    let note = format!("{} of {} placed", shown.len(), outline.leaves.len());
    section_header(ui, &SectionHeader { title: "Model", note: &note, key: "", open: None });
    let area = ui.max_rect();
    let foot_top = (area.bottom() - shell.place.foot_height).max(ui.cursor().top() + TREE_MIN);
    let place = Rect::from_min_max(ui.cursor().min, pos2(area.right(), foot_top));
    let mut upper = ui.new_child(UiBuilder::new().max_rect(place).id_salt("place tree"));
    upper.set_clip_rect(place.intersect(ui.clip_rect()));
    egui::ScrollArea::vertical().id_salt("place").auto_shrink(false).show(&mut upper, |ui| {
        let held = draft.hand.map(|hand| hand.op);
        let reveal = held != shell.place.revealed;
        shell.place.revealed = held;
        Tree { scene, session, draft, outline: &outline, shown: &shown, reveal }.show(ui, shell, actions);
    });
    let foot = Rect::from_min_max(pos2(area.left(), foot_top), area.max);
    let mut lower = ui.new_child(UiBuilder::new().max_rect(foot).id_salt("place foot"));
    lower.spacing_mut().item_spacing.y = 0.0;
    hand::show(&mut lower, scene, session, shell, actions);
    let height = lower.min_rect().height();
    if (height - shell.place.foot_height).abs() > 0.5 {
        shell.place.foot_height = height;
        // The row that came into view may be covered by now.
        shell.place.revealed = None;
        ui.ctx().request_repaint();
    }
}

/// The rows in view with their depth, top to bottom, as they are open at this moment.
pub(super) fn rows(scene: &Scene, session: &Session, outline: &Outline, shell: &Shell) -> Vec<(Row, u32)> {
    let leaf = |leaf: &Leaf, depth| (Row::Op(leaf.op), depth);
    let mut rows: Vec<(Row, u32)> = outline.leaves[..outline.body.start].iter().map(|own| leaf(own, 0)).collect();
    let held = session.draft.as_ref().and_then(|draft| draft.hand).and_then(|hand| scene.graph.op(hand.op).block);
    for (block, leaves) in outline.blocks.iter().enumerate() {
        let block = block as u32;
        rows.push((Row::Block(block), 0));
        if shell.left.is_open(block) || held == Some(block) {
            rows.extend(outline.leaves[leaves.clone()].iter().map(|own| leaf(own, 1)));
        }
    }
    rows.extend(outline.leaves[outline.body.end..].iter().map(|own| leaf(own, 0)));
    let rejected = outline.leaves.iter().filter(|leaf| leaf.kernel.is_none());
    if rejected.clone().next().is_some() {
        rows.push((Row::Rejected, 0));
        if shell.left.is_open(u32::MAX) {
            rows.extend(rejected.map(|own| leaf(own, 1)));
        }
    }
    rows
}

/// Why the compiler rejected an operator.
fn rejection(scene: &Scene, op: OpId) -> Option<&str> {
    scene.program.steps.iter().find_map(|step| match &step.decision {
        Decision::Rejected { op: own, why } if *own == op => Some(why.as_str()),
        _ => None,
    })
}

/// The operators with what is known of their places.
struct Tree<'a> {
    scene: &'a Scene,
    session: &'a Session,
    draft: &'a Draft,
    outline: &'a Outline,
    /// What is on the map, in the order of the operators.
    shown: &'a [(OpId, crate::hardware::Rect)],
    /// What is in hand has changed: its row scrolls into view.
    reveal: bool,
}

impl Tree<'_> {
    fn rect_of(&self, op: OpId) -> Option<crate::hardware::Rect> {
        self.shown.binary_search_by_key(&op, |(own, _)| *own).ok().map(|at| self.shown[at].1)
    }

    fn show(&self, ui: &mut Ui, shell: &mut Shell, actions: &mut Vec<Action>) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut in_rejected = false;
        for (row, depth) in rows(self.scene, self.session, self.outline, shell) {
            let response = match row {
                Row::Op(op) => {
                    let response = ui.push_id(("op", op.0, in_rejected), |ui| self.leaf(ui, op, depth)).inner;
                    if response.clicked() {
                        actions.extend(self.chosen(op));
                    }
                    response
                }
                Row::Block(_) | Row::Rejected => {
                    in_rejected |= row == Row::Rejected;
                    let response = self.group(ui, row, shell);
                    if response.clicked() {
                        shell.left.toggle(group_of(row));
                    }
                    response
                }
            };
            if shell.place.cursor == Some(row) && self.draft.hand.is_none() && !in_rejected {
                let edge = egui::Stroke::new(theme::tokens().stroke.focus, theme::palette(ui).accent.base);
                ui.painter().rect_stroke(response.rect.shrink(1.0), 2.0, edge, egui::StrokeKind::Inside);
                if ui.input(|input| input.key_pressed(egui::Key::ArrowDown) || input.key_pressed(egui::Key::ArrowUp)) {
                    response.scroll_to_me(None);
                }
            }
        }
    }

    fn group(&self, ui: &mut Ui, row: Row, shell: &Shell) -> egui::Response {
        let open = shell.left.is_open(group_of(row));
        let (name, value) = if let Row::Block(block) = row {
            let leaves = &self.outline.leaves[self.outline.blocks[block as usize].clone()];
            let placed = leaves.iter().filter(|leaf| self.rect_of(leaf.op).is_some()).count();
            let some = format!("{placed} of {}", leaves.len());
            (format!("block {block}"), if placed == leaves.len() { "placed".to_owned() } else { some })
        } else {
            let count = self.outline.leaves.iter().filter(|leaf| leaf.kernel.is_none()).count();
            ("rejected by the compiler".to_owned(), count.to_string())
        };
        let group = RowState::Group { open };
        let row = TreeRow { name: &name, value: &value, depth: 0, state: group, selected: false, strong: open };
        ui.push_id(("group", name.as_str()), |ui| tree_row(ui, &row)).inner
    }

    fn leaf(&self, ui: &mut Ui, op: OpId, depth: u32) -> egui::Response {
        let hand = self.draft.hand.filter(|hand| hand.op == op);
        let placed = self.rect_of(op);
        let why = rejection(self.scene, op);
        let broken =
            self.session.desk.survey.problems.iter().find(|problem| problem.op == op && problem.rect.is_some());
        let watched = self.session.desk.how == How::Watch;
        let shape = hand.map(|hand| (hand.width, hand.height)).or(placed.map(|rect| (rect.width, rect.height)));
        let shape =
            shape.or_else(|| crate::session::placing::compiled(self.scene, op).map(|rect| (rect.width, rect.height)));
        let value = match shape {
            Some((width, height)) => format!("{width}×{height}"),
            None => "rejected".to_owned(),
        };
        let current = watched
            && self.session.desk.watch.as_ref().and_then(|watch| watch.step()).and_then(|step| step.decision.op())
                == Some(op);
        let row = TreeRow {
            name: &self.scene.graph.op(op).name,
            value: &value,
            depth,
            state: match (broken.filter(|_| !watched), placed, why) {
                (Some(_), ..) => RowState::Failed,
                (None, Some(_), _) => RowState::Done,
                (None, None, Some(_)) if hand.is_none() => RowState::Failed,
                _ => RowState::Waiting,
            },
            selected: hand.is_some() || current,
            strong: false,
        };
        let response = tree_row(ui, &row);
        let palette = theme::palette(ui);
        let at = |x: f32| pos2(x, response.rect.center().y);
        if hand.is_some() {
            let x = response.rect.left() + 18.0 + theme::tokens().spacing.tree_indent * depth as f32;
            Icon::Place.paint_at(ui.painter(), at(x), 12.0, palette.accent.base);
        } else if self.session.desk.how == How::Together && self.draft.held.contains(&op) && placed.is_some() {
            Icon::Lock.paint_at(ui.painter(), at(response.rect.right() - 84.0), 12.0, palette.text.secondary);
        }
        if self.reveal && hand.is_some() || current && !ui.is_rect_visible(response.rect) {
            response.scroll_to_me(None);
        }
        match (broken, why) {
            (Some(problem), _) => response.on_hover_text(&problem.words),
            (None, Some(why)) => response.on_hover_text(format!("The compiler rejected it: {why}")),
            (None, None) => response,
        }
    }

    /// What a click on an operator asks for.
    fn chosen(&self, op: OpId) -> Option<Action> {
        let held = self.draft.hand.is_some_and(|hand| hand.op == op);
        let action = match self.session.desk.how {
            How::ByHand if held => PlaceAction::PutBack,
            How::ByHand => PlaceAction::Pick(op),
            How::Together => PlaceAction::Hold(self.draft.rect_of(op).map(|_| op)?),
            How::Watch => PlaceAction::Watch(WatchAction::Seek(self.session.desk.watch.as_ref()?.placed_at(op)?)),
        };
        Some(Action::Place(action))
    }
}

/// The number under which a group is kept open.
pub(super) fn group_of(row: Row) -> u32 {
    match row {
        Row::Block(block) => block,
        Row::Rejected | Row::Op(_) => u32::MAX,
    }
}

/// What stands in the left panel's foot for a hand that holds nothing.
pub(super) fn hint(ui: &mut Ui, words: &str) {
    let palette = theme::palette(ui);
    ui.add_space(8.0);
    ui.allocate_ui(vec2(ui.available_width(), 0.0), |ui| {
        hand::padded(ui, |ui| text::label(ui, (words, Type::Body, palette.text.secondary)));
    });
    widgets::divider(ui);
}
