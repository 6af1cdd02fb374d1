//! The real program on real and on hostile arguments: exit codes, one sentence, one JSON object.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program in a folder, without a display.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waferscope"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    command
}

fn waferscope(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a verb that must succeed with `--json` and returns its object.
fn object(folder: &Path, arguments: &[&str]) -> Value {
    let output = waferscope(folder, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value.is_object());
    value
}

/// Runs a verb that must fail on its input and returns its one sentence.
fn sentence(folder: &Path, arguments: &[&str]) -> String {
    let output = waferscope(folder, arguments);
    let said = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    assert!((20..600).contains(&said.len()), "{arguments:?}: {said}");
    said
}

fn save(name: &str) -> String {
    format!("{}/saves/{name}.ron", env!("CARGO_MANIFEST_DIR"))
}

fn dimensions(path: &Path) -> (u32, u32) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
    decoder.read_info().unwrap().info().size()
}

#[test]
fn run_reports_the_same_numbers_in_both_forms() {
    let folder = TempDir::new().unwrap();
    let by_name = object(folder.path(), &["run", "13b-streaming"]);
    let by_path = object(folder.path(), &["run", &save("13b-streaming")]);
    for key in [
        "total_cycles",
        "total_seconds",
        "tokens_per_s",
        "samples_per_s",
        "utilization_mean",
        "compute_share",
        "stream_share",
        "wait_share",
        "sram_peak_bytes_per_core",
        "days_per_300e9_tokens",
    ] {
        assert!(by_name[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {}", by_name[key]);
        assert_eq!(by_name[key], by_path[key], "{key}");
    }
    assert_eq!(by_name["fidelity"], "FLOW");
    assert_eq!(by_name["state_hash"].as_str().unwrap().len(), 16);
    assert_eq!(by_name["state_hash"], by_path["state_hash"]);
    assert!(!by_name["assumptions"].as_array().unwrap().is_empty());
    // 32 sequences of 2 048 tokens in one step.
    let tokens = by_name["tokens_per_s"].as_f64().unwrap() * by_name["total_seconds"].as_f64().unwrap();
    assert!((tokens - 65_536.0).abs() < 0.01, "{tokens}");
    let days = by_name["days_per_300e9_tokens"].as_f64().unwrap();
    assert!((days * 86_400.0 * by_name["tokens_per_s"].as_f64().unwrap() / 300e9 - 1.0).abs() < 1e-9);

    let report = waferscope(folder.path(), &["run", "13b-streaming"]);
    let report = text(&report.stdout);
    for words in ["Cerebras-GPT 13B", "WSE-3", "tok/s", "300 billion tokens", "FLOW", "run clock", "spec clock", "KiB"]
    {
        assert!(report.contains(words), "{words}");
    }
    let unwrapped = report.split_whitespace().collect::<Vec<_>>().join(" ");
    for assumption in by_name["assumptions"].as_array().unwrap() {
        let assumption = assumption.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unwrapped.contains(&assumption), "{assumption}");
    }
    assert!(report.lines().all(|line| line.chars().count() <= 100 && !line.ends_with(' ')));
}

#[test]
fn run_stops_where_it_is_told() {
    let folder = TempDir::new().unwrap();
    let whole = object(folder.path(), &["run", "tiny-resident"]);
    let total = whole["total_cycles"].as_u64().unwrap();
    for (until, cycles) in [("40000", 40_000), ("50%", (total as f64 / 2.0).round() as u64), ("8us", 7_000)] {
        let part = object(folder.path(), &["run", "tiny-resident", "--until", until]);
        assert_eq!(part["total_cycles"], cycles, "{until}");
        assert!(part["tokens_per_s"].is_null() && part["finished"] == false, "a part of a run has no rate");
        assert_ne!(part["state_hash"], whole["state_hash"]);
    }
    let beyond = object(folder.path(), &["run", "tiny-resident", "--until", "1h"]);
    assert_eq!(beyond["state_hash"], whole["state_hash"]);
}

#[test]
fn run_leaves_files_that_can_be_used_again() {
    let folder = TempDir::new().unwrap();
    let object_of = object(folder.path(), &["run", "tiny-resident", "--out", "results/first"]);
    let results = folder.path().join("results/first");
    assert_eq!(dimensions(&results.join("wafer.png")), (1280, 960));
    let kept: Value = serde_json::from_slice(&fs::read(results.join("run.json")).unwrap()).unwrap();
    assert_eq!(kept["state_hash"], object_of["state_hash"]);
    let again = object(&results, &["replay", "scenario.ron", "--verify"]);
    assert_eq!(again["verified"], true);
}

#[test]
fn what_does_not_fit_is_refused_with_amounts_and_ways_out() {
    let folder = TempDir::new().unwrap();
    let said = sentence(folder.path(), &["run", "llama-70b-does-not-fit"]);
    assert!(said.contains("40.8 GB are there") && said.contains("stream the weights"), "{said}");
    let output = waferscope(folder.path(), &["run", "llama-70b-does-not-fit", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["error"].as_str().unwrap().contains("GB"));
    // Its partial placement is drawn all the same, and the refusal itself is verified.
    let drawn = object(folder.path(), &["render", "llama-70b-does-not-fit", "--layer", "sram-peak", "-o", "p.png"]);
    assert_eq!(drawn["refused"], true);
    assert_eq!(object(folder.path(), &["replay", "llama-70b-does-not-fit", "--verify"])["verified"], true);
}

#[test]
fn render_draws_every_layer_and_its_moment_matters() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.png");
    for layer in ["utilisation", "state", "sram", "sram-peak", "kernel", "defects"] {
        let arguments =
            ["render", "13b-heavy-defects", "--layer", layer, "--size", "640x400", "--at", "30%", "-o", "p.png"];
        let drawn = object(folder.path(), &arguments);
        assert_eq!((drawn["width"].as_u64(), drawn["height"].as_u64()), (Some(640), Some(400)));
        assert_eq!(drawn["layer"], layer);
        let range = drawn["range"].as_array().unwrap();
        assert!(range[0].as_f64() < range[1].as_f64(), "{range:?}");
        assert_eq!(dimensions(&path), (640, 400));
    }
    let picture = |at: &str| {
        object(folder.path(), &["render", "bert-base-resident", "--layer", "state", "--at", at, "-o", "p.png"]);
        fs::read(&path).unwrap()
    };
    assert_ne!(picture("5%"), picture("60%"));
    assert_eq!(picture("100ms"), picture("100%"), "a moment after the end is the end");
    let said = sentence(folder.path(), &["render", "tiny-resident", "-o", "no/such/folder/p.png"]);
    assert!(said.contains("no/such/folder/p.png"), "{said}");
}

#[test]
fn replay_verifies_and_records() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.ron");
    let original = fs::read_to_string(save("tiny-resident")).unwrap();
    fs::write(&copy, &original).unwrap();
    assert_eq!(object(folder.path(), &["replay", "copy.ron", "--verify"])["first_difference_cycle"], Value::Null);

    // A job that changed after its recording differs from the first checkpoint on.
    fs::write(&copy, original.replace("batch: 16", "batch: 17")).unwrap();
    let output = waferscope(folder.path(), &["replay", "copy.ron", "--verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verified"], false);
    assert!(value["first_difference_cycle"].as_u64().is_some());

    let revision = original.replace("model_revision: 2,", "model_revision: 999,");
    fs::write(&copy, revision).unwrap();
    assert!(sentence(folder.path(), &["replay", "copy.ron", "--verify"]).contains("revision 999"));
    object(folder.path(), &["replay", "copy.ron", "--record"]);
    assert_eq!(fs::read_to_string(&copy).unwrap(), original, "recorded again, the file is what it was");

    fs::write(&copy, original.replace("version: (1, 0)", "version: (1, 9)")).unwrap();
    let output = waferscope(folder.path(), &["replay", "copy.ron", "--record"]);
    assert_eq!(output.status.code(), Some(1), "a newer file is not written over");
    assert!(fs::read_to_string(&copy).unwrap().contains("(1, 9)"));
    sentence(folder.path(), &["replay", "tiny-resident", "--record"]);
}

#[test]
fn import_says_what_was_read() {
    let folder = TempDir::new().unwrap();
    let bert = object(folder.path(), &["import", "bert-base"]);
    assert_eq!(bert["parameters"], 110_106_428);
    assert_eq!((bert["layers"].as_u64(), bert["family"].as_str()), (Some(12), Some("bert")));
    for key in ["format", "class", "forward_flops_per_token", "warnings"] {
        assert!(!bert[key].is_null(), "{key}");
    }
    let model = folder.path().join("config.json");
    fs::write(&model, r#"{"model_type": "gpt2", "n_layer": 2, "n_embd": 64, "n_head": 4, "n_positions": 128, "vocab_size": 500, "colour": 3}"#).unwrap();
    let own = object(folder.path(), &["import", "config.json"]);
    // Tables, two blocks of 12 d² + 13 d, the last norm.
    assert_eq!(own["parameters"], (500 + 128) * 64 + 2 * (12 * 64 * 64 + 13 * 64) + 2 * 64);
    assert!(own["warnings"].to_string().contains("colour"), "{}", own["warnings"]);
    fs::write(&model, r#"{"model_type": "resnet"}"#).unwrap();
    assert!(sentence(folder.path(), &["import", "config.json"]).contains("resnet"));
}

#[test]
fn a_bare_command_without_display_reports_and_draws() {
    let folder = TempDir::new().unwrap();
    let output = waferscope(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Cerebras-GPT 13B"));
    assert!(text(&output.stderr).contains("no display") && text(&output.stderr).contains("waferscope.png"));
    assert_eq!(dimensions(&folder.path().join("waferscope.png")), (1280, 960));

    // A model file runs as well, told by its content alone.
    let yaml = "model:\n  name: gpt2\n  vocab_size: 50257\n  hidden_size: 768\n  num_hidden_layers: 12\n  num_heads: 12\n  \
                filter_size: 3072\n  max_position_embeddings: 1024\n  share_embedding_weights: true\n";
    fs::write(folder.path().join("anything.txt"), yaml).unwrap();
    let value = object(folder.path(), &["anything.txt"]);
    assert!((1.2e8..1.3e8).contains(&value["parameters"].as_f64().unwrap()), "{}", value["parameters"]);
    assert!(value["picture"].as_str().unwrap().ends_with("waferscope.png"));
    assert!(value["tokens_per_s"].as_f64().unwrap() > 0.0);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_moves_the_picture() {
    let folder = TempDir::new().unwrap();
    let temporary = TempDir::new().unwrap();
    // A folder in the picture's place cannot be replaced by a file, whoever the user is.
    fs::create_dir_all(folder.path().join("waferscope.png/full")).unwrap();
    let output = program(folder.path(), &["tiny-resident"]).env("TMPDIR", temporary.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let path = temporary.path().join("waferscope.png");
    assert!(text(&output.stderr).contains(path.to_str().unwrap()));
    assert_eq!(dimensions(&path), (1280, 960));
}

#[test]
fn hostile_files_give_one_sentence() {
    let folder = TempDir::new().unwrap();
    let good = fs::read_to_string(save("13b-streaming")).unwrap();
    let layers = r#"{"model_type": "gpt2", "n_layer": 1000000000, "n_embd": 64, "n_head": 4, "n_positions": 128, "vocab_size": 500}"#;
    let hostile: [(&str, Vec<u8>); 14] = [
        ("empty", Vec::new()),
        ("spaces", b" \n\t\n".to_vec()),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec()),
        ("binary", (0..=255).cycle().take(9_999).collect()),
        ("deep.ron", b"(".repeat(3_000_000)),
        ("deep.json", b"{\"a\":".repeat(1_000_000)),
        ("deep.yaml", [b"model: ".as_slice(), &b"[".repeat(1_000_000)].concat()),
        ("nan", good.replace("0.001", "NaN").into_bytes()),
        ("negative", good.replace("batch: 32", "batch: -32").into_bytes()),
        ("types", good.replace("sequence: 2048", "sequence: \"long\"").into_bytes()),
        ("missing key", good.replace("    device: BuiltIn(\"wse3\"),\n", "").into_bytes()),
        ("model", good.replace("BuiltIn(\"cerebras-gpt-13b\")", "BuiltIn(\"gpt-9\")").into_bytes()),
        ("layers", layers.as_bytes().to_vec()),
        ("prose", b"Dear reader, this is not a model.".to_vec()),
    ];
    for (name, bytes) in hostile {
        fs::write(folder.path().join(name), bytes).unwrap();
        for verb in [&["run"] as &[&str], &["replay", "--verify"], &["render", "-o", "p.png"]] {
            let said = sentence(folder.path(), &[verb, &[name]].concat());
            assert!(said.contains(name) || name == "nan", "{said}");
        }
    }
    for name in ["layers", "empty", "binary", "deep.json", "deep.yaml", "prose"] {
        assert!(sentence(folder.path(), &["import", name]).starts_with(name));
    }
    assert!(sentence(folder.path(), &["run", "nowhere.ron"]).contains("13b-streaming"));
    assert!(sentence(folder.path(), &["import", "nothing"]).contains("cerebras-gpt-13b"));
    assert!(sentence(folder.path(), &["run", "."]).contains("folder"));
    assert!(!folder.path().join("p.png").exists());
    // The same sentence for a program that reads.
    let output = waferscope(folder.path(), &["run", "empty", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["error"].as_str().unwrap(), text(&output.stderr).trim_end());
}

#[test]
fn wrong_usage_exits_with_two() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["run"] as &[&str],
        &["run", "tiny-resident", "--until", "soon"],
        &["run", "tiny-resident", "--until", "-5"],
        &["render", "tiny-resident"],
        &["render", "tiny-resident", "-o", "p.png", "--layer", "heat"],
        &["render", "tiny-resident", "-o", "p.png", "--size", "0x0"],
        &["replay", "tiny-resident"],
        &["replay", "tiny-resident", "--verify", "--record"],
        &["import"],
        &["bench", "now"],
        &["--frobnicate"],
    ] {
        let output = waferscope(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"] as &[&str], &["--version"], &["run", "--help"]] {
        assert_eq!(waferscope(folder.path(), arguments).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_reason_to_panic() {
    let folder = TempDir::new().unwrap();
    let mut child = program(folder.path(), &["run", "13b-streaming"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The reader is gone before the first word.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn bench_names_what_it_timed() {
    let folder = TempDir::new().unwrap();
    let value = object(folder.path(), &["bench"]);
    assert_eq!(value["cores"], 896_112);
    let figures = value["figures"].as_array().unwrap();
    assert!(figures.len() >= 10);
    for figure in figures {
        assert!(figure["median_ms"].as_f64() <= figure["worst_ms"].as_f64());
        assert!(figure["memcpy_ms"].as_f64().is_some_and(|time| time > 0.0), "{figure}");
    }
    assert_eq!(figures.iter().filter(|figure| figure["budget_ms"] == 4.0).count(), 6, "one for each layer");
}

#[test]
fn compile_says_what_was_decided_and_refuses_with_ways_out() {
    let folder = TempDir::new().unwrap();
    for mode in ["pipelined", "streaming", "resident"] {
        let steps = format!("{mode}.json");
        let arguments = ["compile", "tiny", "--device", "wse2", "--mode", mode, "--steps", &steps];
        let value = object(folder.path(), &arguments);
        assert_eq!((&value["mode"], &value["violations"]), (&mode.into(), &Value::Array(Vec::new())));
        for key in ["kernels", "cores_used", "sram_peak_bytes_per_core", "cycles_per_micro_batch", "wafers"] {
            assert!(value[key].as_u64().unwrap() > 0, "{mode}: {key}");
        }
        assert!(!value["slowest_kernel"].as_str().unwrap().is_empty());
        let told: Vec<Value> = serde_json::from_slice(&fs::read(folder.path().join(&steps)).unwrap()).unwrap();
        assert_eq!(value["steps"].as_u64().unwrap(), told.len() as u64);
    }
    let trained = object(folder.path(), &["compile", "tiny", "--mode", "pipelined", "--train"]);
    assert_eq!(trained["work"], "train");
    // The fewest wafers are found where none are given; one too few is refused.
    let row = ["compile", "llama-3-70b", "--mode", "resident", "--sequence", "8192"];
    let wafers = object(folder.path(), &row)["wafers"].as_u64().unwrap();
    assert!(wafers > 1);
    let fewer = (wafers - 1).to_string();
    let short: Vec<&str> = row.iter().copied().chain(["--systems", &fewer]).collect();
    let said = sentence(folder.path(), &short);
    assert!(said.contains(&format!("{wafers} wafers in a row")), "{said}");
    let output = waferscope(folder.path(), &[&short[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!value["violations"].as_array().unwrap().is_empty());
}
