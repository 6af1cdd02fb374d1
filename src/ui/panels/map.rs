//! The map in the window: camera, hovering, and the scene that the painter draws. What stands beside the wafer is in
//! [`super::gutter`].

use std::time::Instant;

use egui::{Rect, Ui, UiBuilder, vec2};

use crate::compiler::Schedule;
use crate::hardware::{Core, Geometry};
use crate::session::{Action, ColourRange, How, Session, ViewAction};
use crate::sim::{Activity, Layer, Scene, inspect};
use crate::ui::app::{Mode, Shell, Welcome};
use crate::ui::icons::Icon;
use crate::ui::layout::Layout;
use crate::ui::map::{MapPainter, MapScene, Note, Overlays, input};
use crate::ui::panels::{gutter, place, streams};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, TooltipCard, text};
use crate::units::format;
use crate::view::{CoreMap, Insets, KernelOutline, LayerInfo, Level, Viewport, WaferPlane, layer, raster};
use crate::workload::OpId;

/// A move of the camera that was asked for by a key or a button.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ui) enum Zoom {
    Fit,
    In,
    Out,
    /// A direction, in steps.
    Pan([f64; 2]),
    /// Shows these cores with some of what is around them.
    To(crate::hardware::Rect),
}

/// From this width on there is a gutter beside the wafer for notes and legend.
const WIDTH_FOR_GUTTER: f64 = 640.0;
/// Below this width the header leaves the levels out.
const WIDTH_FOR_LEVELS: f32 = 620.0;
/// Cores around what the camera flies to, at least.
const CORES_AROUND: u32 = 24;
/// Points that a key moves the map by.
const PAN_POINTS: f64 = 80.0;

/// What the map keeps between frames.
pub(in crate::ui) struct MapState {
    view: Option<Viewport>,
    camera: Option<Camera>,
    asked: Option<Zoom>,
    pub overlays: Overlays,
    pub hover: Option<Core>,
    painter: MapPainter,
    /// The map as a widget, for the focus of the keyboard.
    pub widget: Option<egui::Id>,
    /// The frame that was drawn last, to know when to colour again.
    pub(super) drawn: Drawn,
}

/// Counts frames so that the same one is not coloured twice, and keeps how often each value is in view.
pub(super) struct Drawn {
    /// Address of the frame, or how often what is placed has changed.
    frame: (usize, u64),
    revision: u64,
    /// Frame and cells that were counted.
    counted: (u64, [u32; 4]),
    pub histogram: [u32; 256],
}

impl Default for Drawn {
    fn default() -> Self {
        Self { frame: (0, 0), revision: 0, counted: (0, [0; 4]), histogram: [0; 256] }
    }
}

impl Drawn {
    /// Takes note of the frame that is about to be drawn.
    fn count(&mut self, frame: (usize, u64), map: CoreMap<'_>, cells: [u32; 4]) {
        if frame != self.frame {
            self.frame = frame;
            self.revision += 1;
        }
        if self.counted != (self.revision, cells) {
            self.counted = (self.revision, cells);
            self.histogram = raster::histogram(map, cells);
        }
    }

    /// The range in use: as set while it is locked, else from the least to the greatest value in view.
    pub(super) fn range(&self, set: ColourRange) -> (u8, u8) {
        let seen = |index: &usize| self.histogram[*index] > 0;
        match ((0..256).find(seen), (0..256).rfind(seen)) {
            (Some(low), Some(high)) if !set.locked && low < high => (low as u8, high as u8),
            _ => (set.low, set.high),
        }
    }
}

/// A move under way.
#[derive(Clone, Copy)]
struct Camera {
    from: Viewport,
    to: Viewport,
    begun: Instant,
}

impl Default for MapState {
    fn default() -> Self {
        Self {
            view: None,
            camera: None,
            asked: None,
            overlays: Overlays::default(),
            hover: None,
            painter: MapPainter::new(),
            widget: None,
            drawn: Drawn::default(),
        }
    }
}

impl MapState {
    /// Asks the camera to move at the next frame.
    pub(in crate::ui) fn ask(&mut self, zoom: Zoom) {
        self.asked = Some(zoom);
    }

    /// Lets the camera fly to these cores.
    pub(in crate::ui) fn fly_to(&mut self, rect: crate::hardware::Rect) {
        self.asked = Some(Zoom::To(rect));
    }

    /// Where the wafer lies on the screen, once that is known.
    pub(super) fn view(&self) -> Option<Viewport> {
        self.view
    }

    /// Whether the camera moves.
    pub(in crate::ui) fn is_moving(&self) -> bool {
        self.camera.is_some() || self.asked.is_some()
    }

    /// How close the map is.
    pub(in crate::ui) fn level(&self, plane: &WaferPlane) -> Level {
        self.view.map_or(Level::Wafer, |view| view.level(plane))
    }

    fn move_to(&mut self, to: Viewport) {
        if let Some(from) = self.view {
            self.camera = Some(Camera { from, to, begun: Instant::now() });
        }
    }

    fn follow_camera(&mut self) {
        let Some(camera) = self.camera else { return };
        let duration = f64::from(theme::tokens().motion.camera_ms.max(1.0));
        let part = camera.begun.elapsed().as_secs_f64() * 1e3 / duration;
        // Ease-out cubic.
        let eased = 1.0 - (1.0 - part.clamp(0.0, 1.0)).powi(3);
        self.view = Some(Viewport::between(&camera.from, &camera.to, eased));
        if part >= 1.0 {
            self.view = Some(camera.to);
            self.camera = None;
        }
    }
}

/// What the layer's numbers mean.
pub(in crate::ui) fn layer_info(layer: Layer, scene: &Scene) -> LayerInfo {
    crate::session::picture::layer_info(layer, &scene.device)
}

/// The plane on which the wafer of this scene lies.
pub(in crate::ui) fn plane(scene: &Scene) -> WaferPlane {
    let device = &scene.device;
    WaferPlane::square(device.fabric_columns.value, device.fabric_rows.value, device.wafer_side_mm.value)
}

/// The line above the map: which layer, how a pixel was made, how close.
pub(in crate::ui) fn header(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
    let Some(scene) = session.scene() else { return };
    let info = layer_info(session.layer, scene);
    let rect = ui.max_rect().shrink2(vec2(12.0, 6.0));
    let mut row =
        ui.new_child(UiBuilder::new().max_rect(rect).layout(egui::Layout::left_to_right(egui::Align::Center)));
    row.spacing_mut().item_spacing.x = 8.0;
    if shell.mode == Mode::Place && session.draft.is_some() {
        let note = pixel_note(&place::placed_layer(), shell, scene);
        return place::header(ui, session, shell, &note, actions);
    }
    text::label(&mut row, ("Layer", Type::Body, palette.text.secondary));
    let titles: Vec<String> = Layer::ALL.iter().map(|&layer| layer_info(layer, scene).title).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    if let Some(index) = widgets::dropdown(&mut row, "Layer", &titles, session.layer as usize) {
        actions.push(Action::View(ViewAction::Show(Layer::ALL[index])));
    }
    wafer_picker(&mut row, session, actions);
    text::label(&mut row, (&pixel_note(&info, shell, scene), Type::Caption, palette.text.tertiary));
    crumbs(ui, rect, shell, scene);
}

/// Which wafer of the row is shown; nothing while there is only one.
pub(super) fn wafer_picker(row: &mut Ui, session: &Session, actions: &mut Vec<Action>) {
    let count = session.wafers();
    if count < 2 {
        return;
    }
    let mut step = |row: &mut Ui, icon, meaning, to: Option<u32>| {
        let clicked = widgets::icon_button(row, icon, meaning, 20.0, false).clicked();
        actions.extend(to.filter(|_| clicked).map(|to| Action::View(ViewAction::Wafer(to))));
    };
    step(row, Icon::ChevronLeft, "Wafer before (Page Up)", session.wafer.checked_sub(1));
    let words = format!("Wafer {} of {count}", session.wafer + 1);
    text::label(row, (&words, Type::Body, theme::palette(row).text.primary));
    step(row, Icon::ChevronRight, "Next wafer (Page Down)", Some(session.wafer + 1));
}

/// How close the map is, and the way back to the whole wafer.
fn crumbs(ui: &mut Ui, rect: Rect, shell: &mut Shell, scene: &Scene) {
    let palette = theme::palette(ui);
    let right = egui::Layout::right_to_left(egui::Align::Center);
    let mut end = ui.new_child(UiBuilder::new().max_rect(rect).layout(right));
    end.spacing_mut().item_spacing.x = 8.0;
    if widgets::icon_button(&mut end, Icon::Fit, "Fit the wafer (F)", 24.0, false).clicked() {
        shell.map.ask(Zoom::Fit);
    }
    if rect.width() < WIDTH_FOR_LEVELS {
        return;
    }
    let level = shell.map.level(&plane(scene));
    for (word, own) in [("core", Level::Cores), ("region", Level::Region), ("die", Level::Die), ("wafer", Level::Wafer)]
    {
        let colour = if own == level { palette.text.primary } else { palette.text.tertiary };
        text::label(&mut end, (word, if own == level { Type::BodyStrong } else { Type::Body }, colour));
        if own != Level::Wafer {
            text::label(&mut end, ("›", Type::Body, palette.text.tertiary));
        }
    }
}

pub(super) fn pixel_note(info: &LayerInfo, shell: &Shell, scene: &Scene) -> String {
    let Some(view) = shell.map.view else { return String::new() };
    let [width, height] = view.core_points(&plane(scene));
    info.pixel_note([1.0 / width, 1.0 / height])
}

/// Draws the map and reads the hand on it.
pub(in crate::ui) fn show(
    ui: &mut Ui,
    layout: &Layout,
    session: &Session,
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(layout.map, 0.0, palette.surface.map);
    let Some(scene) = session.scene() else { return };
    let plane = plane(scene);
    aim(layout, &plane, session, shell);
    let Some(mut view) = shell.map.view else { return };
    let hand = input::interact(ui, layout.map, &mut view, &plane);
    if hand.viewport_changed {
        shell.map.camera = None;
        shell.welcome = Welcome::Gone;
    }
    shell.map.view = Some(view);
    shell.map.hover = hand.hovered_core;
    shell.map.widget = Some(hand.response.id);
    let by_hand = shell.mode == Mode::Place && session.draft.is_some() && session.desk.how == How::ByHand;
    hold_focus(ui, &hand.response, by_hand);
    let placing = shell.mode == Mode::Place && session.draft.is_some();
    if let Some(core) = hand.clicked_core.filter(|_| !placing) {
        actions.push(Action::View(ViewAction::Pin(Some(core))));
    } else if hand.clicked_outside && !placing {
        actions.push(Action::View(ViewAction::Pin(None)));
    }
    if let Some(core) = hand.double_clicked.filter(|_| !placing) {
        let die = scene.defects.geometry().die_of(core);
        let rect = scene.defects.geometry().die_rect(die.0, die.1);
        shell.map.move_to(input::dive(&view, &plane, core, [rect.x, rect.y, rect.right(), rect.bottom()]));
    }
    let [x0, y0, x1, y1] = view.visible_cells(&plane);
    let close = (view.level(&plane) >= Level::Region).then(|| crate::hardware::Rect {
        x: x0,
        y: y0,
        width: x1 - x0,
        height: y1 - y0,
    });
    actions.push(Action::View(ViewAction::CloseUp(close)));
    paint(ui, session, shell, scene, &view, placing);
    if placing {
        return place::on_map(ui, layout.map, &hand, session, shell, actions);
    }
    if let Some(core) = hand.hovered_core {
        tooltip(ui, layout, session, scene, core);
    }
    gutter::legend(ui, layout, session, shell, scene, &view, actions);
}

/// The map has the keys while nothing else asks for them, and keeps the arrows from moving the focus away; Tab too while
/// it goes from spot to spot.
fn hold_focus(ui: &Ui, map: &egui::Response, takes_tab: bool) {
    if ui.memory(|memory| memory.focused().is_none()) {
        map.request_focus();
    }
    let filter = egui::EventFilter { tab: takes_tab, horizontal_arrows: true, vertical_arrows: true, escape: true };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(map.id, filter));
}

/// Lets the camera go where it was asked to.
fn aim(layout: &Layout, plane: &WaferPlane, session: &Session, shell: &mut Shell) {
    let origin = [f64::from(layout.map.left()), f64::from(layout.map.top())];
    let size = [f64::from(layout.map.width()), f64::from(layout.map.height())];
    let gutter = if size[0] >= WIDTH_FOR_GUTTER { f64::from(theme::tokens().layout.gutter) + 24.0 } else { 24.0 };
    let insets = Insets { left: 32.0, top: 32.0, right: gutter, bottom: 36.0 };
    let whole = Viewport::whole(origin, size, plane, insets);
    // The whole wafer stays whole while the window changes its size.
    let fits = shell.map.view.is_none_or(|view| view.size != size && view.shows_all(plane));
    if fits {
        shell.map.view = Some(whole);
    }
    shell.map.follow_camera();
    let Some(mut view) = shell.map.view else { return };
    let middle = [origin[0] + size[0] / 2.0, origin[1] + size[1] / 2.0];
    match shell.map.asked.take() {
        None => {}
        Some(Zoom::Fit) => {
            let centred = session.pinned.map(|core| {
                let mm = plane.mm_from_cell([f64::from(core.x) + 0.5, f64::from(core.y) + 0.5]);
                Viewport { centre_mm: mm, ..view }
            });
            let already = |to: &Viewport| (0..2).all(|axis| (to.centre_mm[axis] - view.centre_mm[axis]).abs() < 1e-6);
            match centred {
                Some(to) if !view.shows_all(plane) && !already(&to) => shell.map.move_to(to),
                _ => shell.map.move_to(whole),
            }
        }
        Some(Zoom::To(rect)) => {
            // As much again on every side, and never so close that nothing else is to be seen.
            let margin = [rect.width, rect.height].map(|side| f64::from(side.max(CORES_AROUND)));
            let (x, y) = (f64::from(rect.x), f64::from(rect.y));
            let (right, bottom) = (f64::from(rect.right()), f64::from(rect.bottom()));
            let min = plane.mm_from_cell([x - margin[0], y - margin[1]]);
            let max = plane.mm_from_cell([right + margin[0], bottom + margin[1]]);
            let mut to = view.around(min, max, 0.0);
            to.clamp(plane);
            shell.map.move_to(to);
        }
        Some(zoom) => {
            match zoom {
                Zoom::In => view.zoom_at(plane, middle, 1.5),
                Zoom::Out => view.zoom_at(plane, middle, 1.0 / 1.5),
                Zoom::Pan(direction) => view.pan(direction.map(|step| step * PAN_POINTS)),
                Zoom::Fit | Zoom::To(_) => {}
            }
            view.clamp(plane);
            shell.map.move_to(view);
        }
    }
}

fn paint(ui: &Ui, session: &Session, shell: &mut Shell, scene: &Scene, view: &Viewport, placing: bool) {
    let palette = theme::palette(ui);
    let geometry = scene.defects.geometry();
    let info = layer_info(session.layer, scene);
    let placed = if placing { place::layout_shown(session, shell.place.before) } else { Vec::new() };
    let info = if placing { place::placed_layer() } else { info };
    let plane = plane(scene);
    let Shell { place, map, .. } = shell;
    let MapState { drawn, hover, overlays, painter, .. } = map;
    let empty;
    let (values, identity) = match (placing, &session.frame) {
        (true, _) => {
            let (values, revision) = place.layer.values(&placed, scene);
            (values, (0, revision))
        }
        (false, Some(frame)) => (&frame.values[..], (std::sync::Arc::as_ptr(frame) as usize, 0)),
        (false, None) => {
            empty = vec![0; scene.device.fabric_cores() as usize];
            (&empty[..], (0, 0))
        }
    };
    let Some(map) = CoreMap::new(values, plane.columns, plane.rows) else { return };
    drawn.count(identity, map, view.visible_cells(&plane));
    let range = drawn.range(session.range());
    let (die_columns, die_rows) = die_starts(geometry, scene);
    let names = if placing { placed_names(scene, &placed) } else { kernel_names(session, scene) };
    let kernels: Vec<KernelOutline<'_>> =
        names.iter().map(|(name, rect, running)| KernelOutline { rect: *rect, name, running: *running }).collect();
    let ports = ports(scene);
    let room = view.size[0] >= WIDTH_FOR_GUTTER && !placing;
    let notes = if room { gutter::notes(session) } else { Vec::new() };
    let notes: Vec<Note<'_>> = notes.iter().map(|(core, title, text)| Note { core: *core, title, text }).collect();
    let map_scene = MapScene {
        map,
        revision: drawn.revision,
        plane,
        layer: &info,
        range,
        ports: &ports,
        die_columns: &die_columns,
        die_rows: &die_rows,
        kernels: &kernels,
        dead: scene.defects.dead_sites(),
        selection: session.pinned.filter(|_| !placing),
        hover: hover.filter(|_| !placing),
        detail: session.detail.as_deref().filter(|_| !placing),
        overlays: *overlays,
        notes: &notes,
    };
    painter.paint(ui.painter(), palette, view, &map_scene);
    let program = &scene.program;
    let pinned = session.pinned.filter(|_| !placing).and_then(|core| program.kernel_on(session.wafer, core));
    if let Some(kernel) = pinned {
        let area = Rect::from_min_size(
            egui::pos2(view.origin[0] as f32, view.origin[1] as f32),
            vec2(view.size[0] as f32, view.size[1] as f32),
        );
        let stage = place::Stage { scene, view, plane: &plane, area };
        let routes = streams::of_kernel(program, session.wafer, kernel);
        streams::paint(&ui.painter().with_clip_rect(area), &stage, &routes);
    }
}

fn die_starts(geometry: &Geometry, scene: &Scene) -> (Vec<u32>, Vec<u32>) {
    let columns = (1..scene.device.die_columns.value).map(|index| geometry.die_first_column(index));
    let rows = (1..scene.device.die_rows.value).map(|index| geometry.die_first_row(index));
    (columns.collect(), rows.collect())
}

/// Rows at which weights enter.
fn ports(scene: &Scene) -> Vec<u32> {
    let streaming = matches!(scene.program.schedule, Schedule::Streaming { .. });
    let entries = scene.program.regions.iter().filter(|_| streaming).map(|region| region.entry);
    entries.flat_map(|entry| (0..entry.count).map(move |index| entry.first_row + index * entry.spacing)).collect()
}

/// Names and rectangles of kernels as they stand at the playhead.
fn kernel_names(session: &Session, scene: &Scene) -> Vec<(String, crate::hardware::Rect, bool)> {
    let Some(run) = &session.run else { return Vec::new() };
    let time = session.playback.cycle();
    match scene.program.schedule {
        Schedule::Streaming { .. } => {
            let interval = run.trace.tracks.first().and_then(|track| track.at(time));
            let name = interval.map_or("idle", |interval| &scene.program.kernel(interval.task.kernel).label);
            let lanes = scene.program.regions.iter().enumerate();
            let several = scene.program.regions.len() > 1;
            let label = |lane| if several { format!("{name}, lane {lane}") } else { name.to_owned() };
            lanes.map(|(lane, region)| (label(lane), region.rect, true)).collect()
        }
        Schedule::Pipeline { .. } => {
            let running = |index: usize| {
                let track = run.trace.tracks.get(index);
                track.and_then(|track| track.at(time)).is_some_and(|interval| interval.activity == Activity::Compute)
            };
            let kernels = scene.program.kernels.iter().enumerate();
            kernels
                .map(|(index, kernel)| (index, kernel, &scene.program.regions[kernel.regions.start as usize]))
                .filter(|(_, _, region)| region.wafer == session.wafer)
                .map(|(index, kernel, region)| (scene.graph.op(kernel.op).name.clone(), region.rect, running(index)))
                .collect()
        }
    }
}

/// Names and rectangles of kernels that are placed.
fn placed_names(scene: &Scene, placed: &[(OpId, crate::hardware::Rect)]) -> Vec<(String, crate::hardware::Rect, bool)> {
    placed.iter().map(|&(op, rect)| (scene.graph.op(op).name.clone(), rect, false)).collect()
}

fn tooltip(ui: &Ui, layout: &Layout, session: &Session, scene: &Scene, core: Core) {
    let (Some(run), Some(frame)) = (&session.run, &session.frame) else { return };
    let Some(pointer) = ui.input(|input| input.pointer.hover_pos()) else { return };
    if ui.input(|input| input.pointer.any_down()) {
        return;
    }
    let info = layer_info(frame.request.layer, scene);
    let index = core.y as usize * frame.columns as usize + core.x as usize;
    let value = frame.values.get(index).copied().unwrap_or(0);
    let (die_column, die_row) = scene.defects.geometry().die_of(core);
    let report = inspect::core_on(scene, &run.trace, frame.request.wafer, core, session.playback.cycle());
    let below = report.work.as_ref().map_or_else(
        || if report.region.is_some() { "its work is done, or has not begun" } else { "no kernel here" }.to_owned(),
        |work| format!("{}, {}", scene.program.kernel(work.kernel).label, work.activity.words()),
    );
    let site =
        if scene.defects.dead_sites().contains(&core) { ", silicon dead here: repaired by a row shift" } else { "" };
    TooltipCard {
        kind: "Core",
        place: &format!("{}, {}", core.x, core.y),
        note: &format!("die {die_column}, {die_row}{site}"),
        value: &info.words(f64::from(value)),
        unit: info.unit,
        meaning: &meaning(session),
        below: &below,
    }
    .paint(&ui.painter().with_clip_rect(layout.map), theme::palette(ui), pointer, layout.map);
}

/// What the value under the pointer says, and over how long.
fn meaning(session: &Session) -> String {
    let Some(scene) = session.scene() else { return String::new() };
    match session.layer {
        Layer::Utilisation => {
            let window = session.playback.window() as f64 / scene.device.clock_run_hz.value;
            format!("of its multiply-adds, last {}", format::duration(window))
        }
        Layer::SramNow => "SRAM in use".to_owned(),
        Layer::SramPeak => "SRAM at its peak".to_owned(),
        Layer::Defects => "moved by repair".to_owned(),
        Layer::State | Layer::Kernel => String::new(),
    }
}

/// Marks for the layers in the left pane.
pub(in crate::ui) fn layer_note(info: &layer::LayerInfo) -> String {
    if info.is_categorical() { format!("{} kinds", info.categories.len()) } else { info.unit.to_owned() }
}
