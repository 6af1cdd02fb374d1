//! Published training rates, predicted with nothing fitted to them.
//!
//! The price of an instruction comes from inference kernels, so these rows are a test of the mechanism. The band is wide
//! because several inputs are not published (precision, micro-batch, what overlaps with what).

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails on the spot")]
#![expect(clippy::print_stdout, reason = "the errors are worth reading")]

use std::sync::Arc;

use waferscope::compiler::{Job, Mapping, Work, compile};
use waferscope::hardware::DefectMap;
use waferscope::scenario::file::device;
use waferscope::sim::{Engine, Scene, metrics};
use waferscope::workload::{builtin, import};

/// Llama 2 7B: Touvron et al. 2023, arXiv:2307.09288, table 1 and its released configuration.
const LLAMA_2_7B: &str = r#"{ "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "hidden_act": "silu" }"#;

fn sequences_per_second(mut graph: waferscope::workload::Graph, device: &str, batch: u64, sequence: u64) -> f64 {
    let device = device::builtin(device).unwrap();
    graph.sequence = sequence;
    let defects = DefectMap::none(&device);
    let job = Job { mapping: Mapping::Streaming, work: Work::Train, batch, sequence, systems: 1 };
    let program = compile(&graph, &device, &defects, &job, &[]);
    assert!(program.is_valid(), "{:?}", program.violations);
    let scene = Scene {
        device: Arc::new(device),
        defects: Arc::new(defects),
        graph: Arc::new(graph),
        program: Arc::new(program),
    };
    let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
    engine.run_to_end();
    metrics::summary(&scene, engine.trace()).sequences_per_second
}

/// Asserts that `predicted` is within a factor of one and a half of `published`, and says how far off it is.
fn holds(row: &str, predicted: f64, published: f64) {
    let error = predicted / published - 1.0;
    println!("{row}: predicted {predicted:.1}, published {published:.1}, {:+.0} %", error * 100.0);
    assert!((1.0 / 1.5..1.5).contains(&(predicted / published)), "{row}: {predicted} against {published}");
}

#[test]
fn llama_2_7b_on_one_cs_3() {
    let graph = import::read(LLAMA_2_7B.as_bytes()).unwrap().graph;
    // Argonne Leadership Computing Facility, AI testbed user guides, Cerebras example programs, CS-3 logs, October 2025.
    holds("Llama 2 7B, CS-3", sequences_per_second(graph, "wse3", 1024, 4096), 31.98);
}

#[test]
fn bert_large_on_one_cs_2() {
    let graph = builtin::graph("bert-large").unwrap();
    // Argonne Leadership Computing Facility, SC24 tutorial on AI accelerators, Cerebras BERT-large log, May 2023.
    holds("BERT large, CS-2", sequences_per_second(graph, "wse2", 1024, 128), 6_493.0);
}
