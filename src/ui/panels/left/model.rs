//! The tree of the model: what is done, what runs, what waits at the playhead.
//!
//! A streaming model shows the block at work and folds the others away, so that its rows keep their places while it
//! plays; a resident model, where many kernels work at once, opens the blocks that the user opened.

use egui::{Response, Ui};

use super::outline::{self, Moment, Outline, Progress};
use super::{LeftState, Section};
use crate::compiler::{KernelId, Mapping};
use crate::session::{Action, Session, TimeAction, ViewAction};
use crate::sim::{Scene, Trace};
use crate::ui::widgets::{RowState, TreeRow, tree_row};

/// Blocks of a resident model that are listed at first, so that what stands below the tree stays in reach.
const BLOCKS_LISTED: usize = 12;

/// What the rows are drawn from.
struct Tree<'a> {
    scene: &'a Scene,
    trace: &'a Trace,
    outline: &'a Outline,
    time: u64,
    /// `None` for resident programs, and before anything has run.
    moment: Option<Moment>,
    /// The kernel that holds the pinned core.
    pinned: Option<KernelId>,
}

/// Draws the section.
pub(super) fn show(ui: &mut Ui, session: &Session, scene: &Scene, state: &mut LeftState, actions: &mut Vec<Action>) {
    let Some(run) = &session.run else { return };
    let outline = state.outline(scene);
    let time = session.playback.cycle();
    let streams = scene.program.job.mapping == Mapping::Streaming;
    let moment = if streams { Moment::of(&outline, scene, &run.trace, time) } else { None };
    let note = match (&moment, streams) {
        (Some(moment), _) => moment.words(&outline, &scene.graph),
        (None, true) => String::new(),
        (None, false) => match (scene.program.kernels.len(), outline.leaves.len()) {
            (placed, all) if placed < all => format!("{placed} of {all} placed"),
            (placed, _) => format!("{placed} kernels"),
        },
    };
    if !state.section(ui, Section::Model, "Model", (&note, "")) {
        return;
    }
    let pinned = session.pinned.and_then(|core| scene.program.kernel_on(session.wafer, core));
    let tree = Tree { scene, trace: &run.trace, outline: &outline, time, moment, pinned };
    let row = TreeRow {
        name: &scene.graph.name,
        value: &outline.parameters,
        depth: 0,
        state: RowState::Group { open: true },
        selected: false,
        strong: true,
    };
    tree_row(ui, &row).on_hover_text(format!(
        "{}: {} trained parameters, tied ones counted once (derived from the shapes of {})",
        scene.graph.name,
        crate::units::format::grouped(scene.graph.parameters()),
        scene.graph.class,
    ));
    tree.leaves(ui, 0..outline.body.start, 1, actions);
    if streams {
        tree.streaming(ui, state, actions);
    } else {
        tree.resident(ui, state, actions);
    }
    tree.leaves(ui, outline.body.end..outline.leaves.len(), 1, actions);
    ui.add_space(8.0);
}

impl Tree<'_> {
    fn progress(&self, leaf: usize) -> Progress {
        match (&self.moment, self.outline.leaves[leaf].kernel) {
            (Some(moment), _) => moment.progress(self.outline, leaf),
            (None, Some(kernel)) if self.scene.program.job.mapping != Mapping::Streaming => {
                outline::resident(self.trace, kernel, self.time)
            }
            _ => Progress::Waiting,
        }
    }

    fn leaves(&self, ui: &mut Ui, leaves: std::ops::Range<usize>, depth: u32, actions: &mut Vec<Action>) {
        for leaf in leaves {
            self.leaf(ui, leaf, depth, actions);
        }
    }

    fn leaf(&self, ui: &mut Ui, index: usize, depth: u32, actions: &mut Vec<Action>) {
        let leaf = &self.outline.leaves[index];
        let resident = self.scene.program.job.mapping != Mapping::Streaming;
        let state = match self.progress(index) {
            _ if resident && leaf.kernel.is_none() => RowState::Failed,
            Progress::Waiting => RowState::Waiting,
            Progress::Running(progress) => RowState::Running { progress },
            Progress::Done => RowState::Done,
        };
        let selected = leaf.kernel.is_some_and(|kernel| self.pinned == Some(KernelId(kernel as u32)));
        let name = &self.scene.graph.op(leaf.op).name;
        let value = if state == RowState::Failed { "no place" } else { &leaf.shape };
        let row = ui.push_id(("op", leaf.op.0), |ui| {
            tree_row(ui, &TreeRow { name, value, depth, state, selected, strong: false })
        });
        if row.inner.clicked() {
            actions.extend(self.visit(index, resident));
        }
    }

    /// What a click on an operator does: go to its next turn, or pin the middle of its kernel.
    fn visit(&self, leaf: usize, resident: bool) -> Vec<Action> {
        let Some(kernel) = self.outline.leaves[leaf].kernel else { return Vec::new() };
        if resident {
            let program = &self.scene.program;
            let region = &program.regions[program.kernel(KernelId(kernel as u32)).regions.start as usize];
            let pin = ViewAction::Pin(Some(region.rect.centre()));
            return vec![Action::View(ViewAction::Wafer(region.wafer)), Action::View(pin)];
        }
        let start = outline::next_start(self.trace, kernel, self.time);
        start.map(|start| Action::Time(TimeAction::Seek(start))).into_iter().collect()
    }

    fn group(ui: &mut Ui, id: (&str, usize), row: &TreeRow<'_>) -> Response {
        ui.push_id(id, |ui| tree_row(ui, row)).inner
    }

    fn streaming(&self, ui: &mut Ui, state: &mut LeftState, actions: &mut Vec<Action>) {
        let Some(last) = self.outline.blocks.len().checked_sub(1) else { return };
        let (block, over) = self.moment.map_or((0, false), |moment| (moment.block, moment.over));
        let backward = self.moment.is_some_and(|moment| moment.is_backward());
        let words = |behind: bool, count: usize| match (behind || over, count) {
            (true, count) => format!("{count} done"),
            (false, count) => format!("{count} to go"),
        };
        self.folded(ui, state, (0, 0..block), &words(!backward, block), actions);
        let name = format!("block {block}");
        let value = &self.outline.block_parameters[block];
        let group = TreeRow {
            name: &name,
            value,
            depth: 1,
            state: RowState::Group { open: true },
            selected: false,
            strong: !over,
        };
        Self::group(ui, ("running", 0), &group);
        self.leaves(ui, self.outline.blocks[block].clone(), 2, actions);
        self.folded(ui, state, (1, block + 1..last + 1), &words(backward, last - block), actions);
    }

    /// The blocks on one side of the running one: a single row, or all of them if it was opened.
    fn folded(
        &self,
        ui: &mut Ui,
        state: &mut LeftState,
        (side, blocks): (usize, std::ops::Range<usize>),
        value: &str,
        actions: &mut Vec<Action>,
    ) {
        if blocks.is_empty() {
            return;
        }
        let open = state.open_groups[side];
        let name = match blocks.len() {
            1 => format!("block {}", blocks.start),
            _ => format!("blocks {}–{}", blocks.start, blocks.end - 1),
        };
        let group = RowState::Group { open };
        let row = TreeRow { name: &name, value, depth: 1, state: group, selected: false, strong: false };
        if Self::group(ui, ("side", side), &row).clicked() {
            state.open_groups[side] = !open;
        }
        for block in blocks.filter(|_| open) {
            let name = format!("block {block}");
            let value = &self.outline.block_parameters[block];
            let first = self.outline.blocks[block].start;
            let state = match self.progress(first) {
                Progress::Done => RowState::Done,
                _ => RowState::Waiting,
            };
            let row = TreeRow { name: &name, value, depth: 2, state, selected: false, strong: false };
            if Self::group(ui, ("block", block), &row).clicked() {
                actions.extend(self.visit(first, false));
            }
        }
    }

    fn resident(&self, ui: &mut Ui, state: &mut LeftState, actions: &mut Vec<Action>) {
        let count = self.outline.blocks.len();
        let long = count > BLOCKS_LISTED;
        let listed = if long && !state.open_groups[1] { BLOCKS_LISTED } else { count };
        for block in 0..listed {
            self.resident_block(ui, state, block, actions);
        }
        if long {
            let name = format!("{} more", count - BLOCKS_LISTED);
            let group = RowState::Group { open: state.open_groups[1] };
            let row = TreeRow { name: &name, value: "blocks", depth: 1, state: group, selected: false, strong: false };
            if Self::group(ui, ("more", 0), &row).clicked() {
                state.open_groups[1] = !state.open_groups[1];
            }
        }
    }

    fn resident_block(&self, ui: &mut Ui, state: &mut LeftState, block: usize, actions: &mut Vec<Action>) {
        let leaves = &self.outline.blocks[block];
        let open = state.open_blocks.contains(&(block as u32));
        let computing = leaves.clone().filter(|&leaf| matches!(self.progress(leaf), Progress::Running(_))).count();
        let homeless = self.outline.leaves[leaves.clone()].iter().filter(|leaf| leaf.kernel.is_none()).count();
        let value = match (computing, homeless) {
            (_, 0) if open => self.outline.block_parameters[block].clone(),
            (0, 0) => String::new(),
            (0, homeless) => format!("{homeless} no place"),
            (count, _) => format!("{count} computing"),
        };
        let name = format!("block {block}");
        let group = RowState::Group { open };
        let strong = computing > 0;
        let row = TreeRow { name: &name, value: &value, depth: 1, state: group, selected: false, strong };
        if Self::group(ui, ("block", block), &row).clicked() {
            state.toggle(block as u32);
        }
        if open {
            self.leaves(ui, leaves.clone(), 2, actions);
        }
    }
}
