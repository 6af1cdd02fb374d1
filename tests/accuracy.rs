//! The ANALYTIC ruler against published measurements, and the verbs that ask it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails on the spot")]

use std::process::Command;

use serde_json::Value;
use waferscope::hardware::DeviceSpec;
use waferscope::lab::accuracy::{Accuracy, Row, accuracy};
use waferscope::lab::estimate::{Answer, EstimateError, Question, Task, estimate};
use waferscope::scenario::file::{device, published};
use waferscope::workload::{Graph, builtin};

fn group<'a>(accuracy: &'a Accuracy, name: &str) -> Vec<&'a Row> {
    let rows: Vec<&Row> = accuracy.rows.iter().filter(|row| row.group == name).collect();
    assert!(!rows.is_empty(), "no group {name}");
    rows
}

/// Asserts that every prediction of a group is within `percent`.
fn within(accuracy: &Accuracy, name: &str, percent: f64) {
    for row in group(accuracy, name) {
        let Some(error) = row.error_percent() else { continue };
        assert!(error.abs() <= percent, "{}: {error:.1} % off, {:?} {}", row.id, row.predicted, row.unit);
    }
}

#[test]
fn published_rows_are_met() {
    let accuracy = accuracy().unwrap();
    within(&accuracy, "decode", 2.0);
    within(&accuracy, "prefill", 6.0);
    within(&accuracy, "request", 8.0);
    for name in ["simulator GEMM, 3 x 3", "simulator GEMM, 6 x 6", "simulator GEMM, 9 x 9", "context"] {
        within(&accuracy, name, 10.0);
    }
    // Nothing is fitted to these.
    for name in ["GEMV and GEMM on a large grid", "collectives", "streaming GEMM in fp32", "stencils"] {
        within(&accuracy, name, 15.0);
    }
    within(&accuracy, "inference service", 15.0);
    within(&accuracy, "training", 15.0);
    within(&accuracy, "training compute (a count, no time)", 15.0);
}

#[test]
fn a_row_that_a_fit_has_not_seen_is_met_nearly_as_well() {
    let accuracy = accuracy().unwrap();
    for group in accuracy.groups.iter().filter(|group| group.fitted) {
        let (worst, left_out) = (group.worst_percent.unwrap(), group.left_out_worst_percent.unwrap());
        assert!(left_out <= 10.0 && left_out < worst + 3.0, "{}: {worst} and {left_out}", group.name);
    }
    for price in &accuracy.prices {
        let [low, high] = price.range;
        assert!((low..=high).contains(&price.fitted) && low > 0.0, "{price:?}");
        // A call weighs nothing beyond a hundred cores a side, so few rows hold it.
        let tolerance = if price.name == "gemm_call" { 0.5 } else { 0.05 };
        assert!((price.used / price.fitted - 1.0).abs() < tolerance, "{price:?}");
    }
}

#[test]
fn every_row_has_a_source_and_a_prediction_or_a_reason() {
    let accuracy = accuracy().unwrap();
    for row in &accuracy.rows {
        assert_eq!(accuracy.rows.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
        assert!(row.source.len() > 10, "{}", row.id);
        match &row.predicted {
            Ok(value) => assert!(value.is_finite() && *value > 0.0, "{}", row.id),
            Err(why) => assert!(why.len() > 10 && !row.fitted, "{}: {why}", row.id),
        }
    }
    let text = "(version: (1, 0), sources: [], groups: [(name: \"a\", fitted: false, rows: [(id: \"b\", value: 1.0, \
                unit: \"s\", source: \"nobody\", subject: OneCellStencil(radius: 1))])])";
    assert!(published::read(text.as_bytes(), "mine.ron").unwrap_err().to_string().contains("nobody"));
}

fn question<'a>(graph: &'a Graph, device: &'a DeviceSpec, task: Task) -> Question<'a> {
    Question {
        graph,
        device,
        task,
        systems: None,
        grid: None,
        decode_grid: None,
        clock_hz: None,
        context: None,
        prompt: None,
        output: None,
        batch: None,
        sequence: None,
        sparsity: 0.0,
    }
}

fn answer(model: &str, device: &str, task: Task, change: impl Fn(&mut Question<'_>)) -> Result<Answer, EstimateError> {
    let (graph, device) = (builtin::graph(model).unwrap(), device::builtin(device).unwrap());
    let mut question = question(&graph, &device, task);
    change(&mut question);
    estimate(question)
}

#[test]
fn estimates_are_the_predictions_of_the_same_rows() {
    let accuracy = accuracy().unwrap();
    let row = |id: &str| *accuracy.rows.iter().find(|row| row.id == id).unwrap().predicted.as_ref().unwrap();
    let same = |answer: Answer, expected: f64| {
        let found = answer.samples_per_second.unwrap_or(answer.tokens_per_second);
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} against {expected}");
        // The parts are the whole.
        assert!((answer.parts.total() / answer.clock_hz / answer.seconds - 1.0).abs() < 1e-9);
    };
    for (grid, id) in [(420, "decode-llama-3-8b-420"), (660, "decode-llama-3-8b-660")] {
        let asked = answer("llama-3-8b", "wse2", Task::Decode, |question| {
            (question.grid, question.clock_hz, question.context) = (Some(grid), Some(1.1e9), Some(4_096));
        });
        same(asked.unwrap(), row(id));
    }
    let asked = answer("llama-2-13b", "wse2", Task::Generate, |question| {
        (question.grid, question.decode_grid, question.clock_hz) = (Some(750), Some(375), Some(1.1e9));
    });
    same(asked.unwrap(), row("request-llama-2-13b-2048-128"));
    let asked = answer("llama-3-70b", "wse3", Task::Decode, |_| {}).unwrap();
    assert_eq!(asked.systems, 4);
    same(asked, row("service-llama-3.1-70b"));
    let asked = answer("bert-large", "wse2", Task::Train, |question| {
        (question.batch, question.sequence) = (Some(1_024), Some(128));
    });
    same(asked.unwrap(), row("train-bert-large"));
}

#[test]
fn small_batches_train_slower_and_zeros_faster() {
    let rate = |batch, sparsity| {
        let asked = answer("cerebras-gpt-1.3b", "wse3", Task::Train, |question| {
            (question.batch, question.sparsity) = (Some(batch), sparsity);
        });
        asked.unwrap().samples_per_second.unwrap()
    };
    let rates = [1, 4, 16, 64, 256, 1_024].map(|batch| rate(batch, 0.0));
    assert!(rates.is_sorted(), "{rates:?}");
    assert!(rates[0] < rates[5] / 10.0, "one sequence waits for the optimizer: {rates:?}");
    let gain = rate(1_024, 0.75) / rate(1_024, 0.0);
    assert!((1.3..4.0).contains(&gain), "{gain}");
    let two = answer("cerebras-gpt-1.3b", "wse3", Task::Train, |question| {
        (question.batch, question.systems) = (Some(2_048), Some(2));
    });
    assert!((two.unwrap().samples_per_second.unwrap() / rates[5] / 2.0 - 1.0).abs() < 1e-9);
}

#[test]
fn what_does_not_fit_is_refused_with_ways_out() {
    let refused = |model, task, change: fn(&mut Question<'_>)| answer(model, "wse3", task, change).unwrap_err();
    let error = refused("llama-3-70b", Task::Decode, |question| question.systems = Some(1));
    assert!(matches!(error, EstimateError::TooLarge { fewest: 4, .. }), "{error}");
    assert!(error.to_string().contains("--systems 4"));
    let error = refused("llama-3-8b", Task::Prefill, |question| question.grid = Some(50));
    assert!(error.to_string().contains("would fit"), "{error}");
    let error = refused("llama-3-8b", Task::Decode, |question| question.grid = Some(1_000));
    assert!(error.to_string().contains("762"), "{error}");
    let error = refused("bert-base", Task::Generate, |_| {});
    assert!(error.to_string().contains("decoders"), "{error}");
    let error = refused("gpt-1t", Task::Train, |question| question.sequence = Some(1 << 24));
    assert!(error.to_string().contains("--seq"), "{error}");
    let error = refused("llama-3-8b", Task::Decode, |question| {
        (question.batch, question.context) = (Some(1 << 32), Some(1 << 24));
    });
    assert!(error.to_string().contains("needs"), "{error}");
}

fn program(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_waferscope")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_verbs_print_one_object_or_one_sentence() {
    let (code, out, _) = program(&["accuracy", "--json"]);
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    let rows = value["rows"].as_array().unwrap();
    assert!(rows.len() > 150);
    assert!(rows.iter().all(|row| row["error_percent"].is_number() != row["not_predicted_because"].is_string()));
    assert!(value["groups"].as_array().unwrap().iter().any(|group| group["median_error_percent"].is_number()));

    let asked = ["estimate", "--model", "llama-3-8b", "--device", "wse3", "--task"];
    let (code, out, _) = program(&[&asked[..], &["decode", "--json"]].concat());
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["fidelity"], &value["systems"]), (Some(0), &"ANALYTIC".into(), &1.into()));
    assert!(value["tokens_per_s"].as_f64().unwrap() > 1_000.0 && value["limiter"].is_string());
    let shares: f64 = value["breakdown"].as_array().unwrap().iter().map(|part| part["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9);
    let (code, out, _) = program(&[&asked[..], &["train", "--batch", "64"]].concat());
    assert!(code == Some(0) && out.contains("ANALYTIC") && out.contains("limited by"), "{out}");

    let rival = ["estimate", "--model", "llama-3-8b", "--device", "h100", "--task", "train"];
    for (arguments, expected) in [(&rival[..], "later"), (&[&asked[..], &["decode", "--grid", "4x5"]].concat(), "4x4")]
    {
        let (code, out, said) = program(arguments);
        assert_eq!((code, out.as_str(), said.lines().count()), (Some(1), "", 1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    for wrong in [["guess", "--json"], ["decode", "--grid=big"], ["decode", "--batch=0"], ["train", "--sparsity=NaN"]] {
        assert_eq!(program(&[&asked[..], &wrong].concat()).0, Some(2), "{wrong:?}");
    }
}
