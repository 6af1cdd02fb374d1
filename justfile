# The verbs of the project; `just` alone lists them.

_list:
    @just --list

# Everything that CI checks, the real window included.
check:
    .ci/run

# Opens the window on the default scenario, or on the given file.
run *args:
    cargo run --release -- {{args}}

# Makes the pictures in screenshots/ again, from scenarios in saves/ in the real window.
screenshots:
    cargo build --release
    .ci/screenshots

# Records the shipped scenarios again after an intended change of the model; look at the difference before committing.
bless:
    cargo run --release -- replay --record saves/*.ron
    git diff --stat saves

# Times the frame path beside a memcpy of the same bytes.
bench:
    cargo run --release -- bench
