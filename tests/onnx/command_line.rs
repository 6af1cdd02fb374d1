//! The program on ONNX files: what `import` and `run` print, and how they refuse.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::encode::Net;

fn waferscope(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waferscope"));
    command.current_dir(folder.path()).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn object(folder: &TempDir, arguments: &[&str]) -> Value {
    let output = waferscope(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn networks_are_imported_and_run_by_path() {
    let folder = TempDir::new().unwrap();
    let net = Net::new()
        .known("x", &[1, 3, 16, 16])
        .weights("w", &[8, 3, 3, 3])
        .weights("fc", &[8, 10])
        .node("Conv", &["x", "w"], &["a"], &[])
        .node("Frobnicate", &["a"], &["b"], &[])
        .node("GlobalAveragePool", &["b"], &["c"], &[])
        .node("Flatten", &["c"], &["d"], &[])
        .node("MatMul", &["d", "fc"], &["y"], &[])
        .output("y");
    // The content tells the format, not the name.
    fs::write(folder.path().join("network"), net.file()).unwrap();
    let read = object(&folder, &["import", "network", "--json"]);
    assert_eq!((read["format"].as_str(), read["parameters"].as_u64()), (Some("onnx"), Some(8 * 27 + 80)));
    assert_eq!((read["convolutions"].as_u64(), read["fully_connected"].as_u64()), (Some(1), Some(1)));
    assert_eq!(read["multiply_adds"].as_u64(), Some(14 * 14 * 8 * 27 + 80));
    assert!(read["forward_flops_per_sample"].as_u64() > read["multiply_adds"].as_u64().map(|adds| 2 * adds));
    assert!(read["warnings"][0].as_str().unwrap().contains("1 × Frobnicate"));

    let refused = waferscope(&folder, &["import", "network", "--unknown", "stop"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("network") && said.contains("1 × Frobnicate"), "{said}");

    let [all, fewer] = [&["run", "network", "--json"][..], &["run", "network", "--unknown", "skip", "--json"]]
        .map(|arguments| object(&folder, arguments)["total_cycles"].as_u64().unwrap());
    assert!(0 < fewer && fewer < all, "{fewer} and {all}");
    let report = waferscope(&folder, &["run", "network"]);
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.contains("32 samples") && report.contains("samples/s") && !report.contains("tok"), "{report}");
}
