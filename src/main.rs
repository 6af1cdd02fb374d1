//! The `waferscope` program: see [`waferscope::cli`] and [`waferscope::ui`].

use std::process::ExitCode;

use waferscope::ui::window;

fn main() -> ExitCode {
    waferscope::cli::main(|opening| window::open(opening).map_err(|error| error.to_string()))
}
