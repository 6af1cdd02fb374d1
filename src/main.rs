//! The `waferscope` program: see [`waferscope::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    waferscope::cli::main()
}
