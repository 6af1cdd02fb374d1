//! Widgets answer to their names and report what the hand did.

use super::*;
use egui_kittest::{Harness, kittest::Queryable as _};

use crate::view::LayerInfo;

#[test]
fn rows_and_buttons_answer_to_their_names() {
    let mut harness = Harness::new_ui_state(
        |ui, log: &mut Vec<&str>| {
            theme::install(ui.ctx());
            let row = TreeRow {
                name: "mlp.up",
                value: "5120×20480",
                depth: 2,
                state: RowState::Done,
                selected: false,
                strong: false,
            };
            if tree_row(ui, &row).clicked() {
                log.push("row");
            }
            let choice = Choice { kind: ChoiceKind::Check, label: "Die grid", note: "", on: true };
            if choice_row(ui, &choice).clicked() {
                log.push("choice");
            }
            if segmented(ui, "how", &["By hand", "Watch"], 0) == Some(1) {
                log.push("segment");
            }
            if dropdown(ui, "Layer", &["State", "Kernel"], 0) == Some(1) {
                log.push("dropdown");
            }
            if Button::secondary("Frozen").enabled(false).show(ui).clicked() {
                log.push("disabled");
            }
            let message = Message {
                tone: Tone::Error,
                title: "Import failed",
                sentence: "A number was expected.",
                actions: &["Close"],
            };
            if message_card(ui, &message) == Some(0) {
                log.push("closed");
            }
        },
        Vec::new(),
    );
    for name in ["mlp.up", "Die grid", "Watch", "Layer", "Kernel", "Frozen", "Close"] {
        harness.get_by_label(name).click();
        harness.run();
    }
    assert_eq!(harness.state(), &["row", "choice", "segment", "dropdown", "closed"]);
}

#[test]
fn the_legend_fits_its_range_to_what_is_in_view() {
    let mut histogram = [0; 256];
    histogram[40] = 7;
    histogram[200] = 3;
    let layer = LayerInfo::utilisation();
    let mut harness = Harness::new_ui_state(
        move |ui, asked: &mut Option<(u8, u8)>| {
            theme::install(ui.ctx());
            let legend = Legend {
                layer: &layer,
                note: "mean of 1.3 × 2.0 cores/px",
                histogram: &histogram,
                range: (0, 255),
                locked: true,
                hover: Some(30),
                dead: 46,
                core_parts: true,
            };
            let top = ui.cursor().top();
            *asked = asked.or(legend.show(ui).range);
            let height = ui.min_rect().bottom() - top;
            assert!((height - legend.height()).abs() <= 1.0, "{height} points, {} announced", legend.height());
        },
        None,
    );
    harness.get_by_label("Fit the range").click();
    harness.run();
    assert_eq!(*harness.state(), Some((40, 200)));
}

#[test]
fn text_that_does_not_fit_loses_its_middle() {
    let mut harness = Harness::new_ui(|ui| {
        theme::install(ui.ctx());
        let colour = theme::palette(ui).text.primary;
        let run = ("Cerebras-GPT 13B, one optimizer step", theme::Type::Body, colour);
        let (whole, lost) = text::elided(ui.painter(), run, 1000.0);
        assert!(!lost && whole.text() == run.0);
        for width in [0.0, 10.0, 80.0, 150.0] {
            let (galley, lost) = text::elided(ui.painter(), run, width);
            assert!(lost && galley.size().x <= width, "{width}: {}", galley.text());
        }
    });
    harness.run();
}

#[test]
fn the_scale_bar_is_round_and_fits() {
    let bar = ScaleBar::fitting(0.78, 215.0 / 762.0, 80.0);
    assert_eq!((bar.cores, bar.words().as_str()), (100, "100 cores, 28 mm"));
    let bar = ScaleBar::fitting(37.0, 215.0 / 762.0, 80.0);
    assert_eq!(bar.words(), "2 cores, 0.56 mm");
    // Wider than the room: one core is the least.
    assert_eq!(ScaleBar::fitting(500.0, 0.28, 80.0).cores, 1);
}
