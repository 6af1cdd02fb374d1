//! Why the pinned core's kernel is where it is: the compiler's decisions about it, in their order.

use egui::{Margin, Ui};

use super::parts::{note, paragraph};
use crate::compiler::{Author, Decision, KernelId, Program, Step};
use crate::sim::Scene;
use crate::sim::inspect::CoreReport;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{card, text};
use crate::units::format;

/// Draws the page.
pub(super) fn show(ui: &mut Ui, scene: &Scene, wafer: u32, report: &CoreReport) {
    let program = &scene.program;
    let Some(region) = report.region else {
        paragraph(ui, "No kernel was placed on this core.");
        return;
    };
    let rect = program.regions[region as usize].rect;
    let kernel = program.kernel_on(wafer, report.core);
    note(ui, "The compiler's decisions that concern this core, in their order");
    for step in &program.steps {
        let told = match &step.decision {
            Decision::MicroBatchChosen { sequences, lanes, recompute, candidates } => {
                let kept = if *recompute { "activations computed again" } else { "activations kept" };
                let noun = if *lanes == 1 { "lane" } else { "lanes" };
                let what = format!("{sequences} sequences at a time on {lanes} {noun}, {kept}");
                let others =
                    format!("{} alternatives were weighed; they are listed with the result.", candidates.len());
                Some(("Chose", what, format!("Because: {}. {others}", step.because)))
            }
            Decision::LanePlaced { rect: own } if *own == rect => {
                let what = format!("lane {region}: {}", area(*own));
                Some(("Placed", what, "All lanes do the same on their share of the tokens.".to_owned()))
            }
            _ => kernel.and_then(|kernel| of_kernel(scene, kernel, step)),
        };
        if let Some((verb, what, why)) = told {
            decision(ui, verb, &what, &why);
        }
    }
    if kernel.is_none() {
        note(ui, "Kernels take turns here: the weights of one operator after the other pass over the whole lane.");
    }
    rejected(ui, scene);
}

/// A decision about one kernel: verb, what, and why or with what consequence.
fn of_kernel(scene: &Scene, id: KernelId, step: &Step) -> Option<(&'static str, String, String)> {
    let program = &scene.program;
    let kernel = program.kernel(id);
    match &step.decision {
        Decision::KernelSized { op, width, height, compute, sram_per_core } if *op == kernel.op => {
            let time = format::duration(compute.seconds(scene.device.clock_run_hz.value).0);
            let what = format!("{}: {width} × {height} cores", kernel.label);
            let held = format!(
                "A micro-batch takes {} ({time}) on its fullest core, which holds {} KiB",
                format::cycles(compute.0),
                format::kib(sram_per_core.0)
            );
            let why = because(&held, step);
            Some(("Sized", what, why))
        }
        Decision::RegionPlaced { op, rect, .. } if *op == kernel.op => {
            let by = match step.author {
                Author::Compiler => "By the compiler",
                Author::User => "By hand, kept as it is",
            };
            Some(("Placed", area(*rect), because(by, step)))
        }
        Decision::RouteCommitted { from, to, hops, colour } if *from == id || *to == id => {
            let (verb, other) = if *to == id { ("Fed by", from) } else { ("Feeds", to) };
            let noun = if *hops == 1 { "hop" } else { "hops" };
            let what = format!("{}, {} {noun}", program.kernel(*other).label, format::grouped((*hops).into()));
            let colour = colour.map_or_else(|| "No colour".to_owned(), |colour| format!("Colour {colour}"));
            let bytes = route_bytes(program, *from, *to);
            Some((verb, what, because(&format!("{colour}{bytes}"), step)))
        }
        _ => None,
    }
}

/// A fact, and the compiler's reason if it gave one, as sentences.
fn because(fact: &str, step: &Step) -> String {
    if step.because.is_empty() { format!("{fact}.") } else { format!("{fact}: {}.", step.because) }
}

fn route_bytes(program: &Program, from: KernelId, to: KernelId) -> String {
    let route = program.routes.iter().find(|route| route.from == from && route.to == to);
    route.map_or_else(String::new, |route| format!(", {} for a micro-batch", format::bytes(route.bytes.0)))
}

fn area(rect: crate::hardware::Rect) -> String {
    format!("{} × {} cores from {}, {}", rect.width, rect.height, rect.x, rect.y)
}

/// What found no place on this wafer.
fn rejected(ui: &mut Ui, scene: &Scene) {
    for step in &scene.program.steps {
        if let Decision::Rejected { op, why } = &step.decision {
            decision(ui, "Rejected", &scene.graph.op(*op).name, why);
        }
    }
}

fn decision(ui: &mut Ui, verb: &str, what: &str, why: &str) {
    let palette = theme::palette(ui);
    egui::Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 4.0;
            text::label(ui, (verb, Type::Caption, palette.text.tertiary));
            text::label(ui, (what, Type::BodyStrong, palette.text.primary));
            if !why.is_empty() {
                text::label(ui, (why, Type::Body, palette.text.secondary));
            }
        });
    });
}
