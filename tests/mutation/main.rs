//! Seeded damage to everything that the program reads and to every command it takes: no panic, no input over a second
//! of processor time, no gigabyte of memory.
//!
//! A test runs some thousands of inputs for each reader. More of them, for one reader:
//!
//! ```sh
//! WAFERSCOPE_MUTATIONS=1000000 cargo test --release --test mutation -- --nocapture --exact readers::device
//! ```
//!
//! What is read is also used: written and read back, compiled, executed for a while and drawn, as the window would. That
//! costs a thousand times as much as reading, so that one in so many inputs is followed that far; each says in how many.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]
#![expect(clippy::print_stdout, reason = "the figures are printed for docs/reliability.md")]

mod engine;
mod mutate;
mod readers;
mod session;
mod trial;
mod used;

#[expect(dead_code, reason = "these graphs need a part of what the tests of the reader need")]
#[path = "../onnx/encode.rs"]
mod encode;
