//! The `waferscope` program: see [`waferscope::cli`].

fn main() {}
