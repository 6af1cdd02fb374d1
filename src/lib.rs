//! Waferscope draws a wafer-scale computer as one continuous map and runs real models on it.
//!
//! The layers, from the bottom up, are listed in `ARCHITECTURE.md`; imports run downwards only and `tests/layers.rs`
//! checks it. The library does everything; `src/main.rs` only calls [`cli::main`].

pub mod hardware;
pub mod rng;
pub mod units;
pub mod workload;

pub mod analytic;
pub mod compiler;
pub mod sim;

pub mod scenario;
pub mod view;

pub mod lab;
pub mod session;

pub mod ui;

pub mod cli;
