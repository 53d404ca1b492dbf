# Everything CI runs, in the same order, by the same script.
check:
    bash .ci/run

# The binary, in target/release/planoai.
build:
    cargo build --release --locked

test *ARGS:
    cargo test --locked {{ARGS}}

lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

fmt:
    cargo fmt

# The page of `planoai trace listen`: its bundle is built anew.
page:
    cd web && npm ci --ignore-scripts && npm run build

# What CI asks of the page, in a real browser.
page-check: build
    web/check

# Real peers; all of them, or those named.
interop *NAMES: build
    tests/interop/run {{NAMES}}

# The commands, configs and programs in README.md and docs/.
examples: build
    tests/examples/run

# Builds and tries the image, with or without a container engine.
image:
    tests/dockerfile/check
