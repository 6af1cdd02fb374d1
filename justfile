# The verbs of the project; `just` alone lists them.

_list:
    @just --list

# Everything that CI checks, the real window included.
check:
    .ci/run

# Opens the window on the default scenario, or on the given file.
run *args:
    cargo run --release -- {{args}}

# Renders the pictures in screenshots/ again.
screenshots:
    cargo test --release --test screenshots -- --include-ignored

# Records expected pictures and hashes again; look at the difference before committing it.
bless:
    WAFERSCOPE_BLESS=1 cargo test --release
    git diff --stat

# Times the frame path beside a memcpy of the same bytes.
bench:
    cargo run --release -- bench
