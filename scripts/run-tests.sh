#!/bin/sh
# Runs all tests of the workspace against one PostgreSQL and one InfluxDB that end with the run.
# $1: cargo's target folder. The runner's closing line is the last line.
set -eu

# Stored outcomes have the same bytes in a release build; the test run below has them in a debug one.
cargo test --locked --release --package engine --test it golden::

# All targets at once, so that the test run builds nothing again with other features.
cargo build --locked --workspace --all-targets
if cargo nextest --version >/dev/null 2>&1; then
    exec "$1/debug/with-servers" cargo nextest run --locked --workspace
else
    exec "$1/debug/with-servers" cargo test --locked --workspace --lib --bins --tests
fi
