//! The `waferscope` program.

use std::process::ExitCode;
use std::time::Instant;

use waferscope::ui::window::{Opening, open};

fn main() -> ExitCode {
    let opening = Opening { document: None, started: Instant::now() };
    if open(opening).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
