#!/bin/sh
# Runs all tests of the workspace against one PostgreSQL and one InfluxDB that end with the run.
# $1: cargo's target folder. The runner's closing line is the last line.
set -eu

# All targets at once, so that the test run builds nothing again with other features.
cargo build --locked --workspace --all-targets
if cargo nextest --version >/dev/null 2>&1; then
    exec "$1/debug/with-servers" cargo nextest run --locked --workspace
else
    exec "$1/debug/with-servers" cargo test --locked --workspace --lib --bins --tests
fi
