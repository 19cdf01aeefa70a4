# The few commands of this project. `make help` lists them.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test bench peers fmt

# Where cargo puts what it builds.
target := $(or $(CARGO_TARGET_DIR),target)

help: ## List the commands.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## Build Backfleet, run backtests of the sample candles, show the results.
	@echo "building Backfleet: some minutes the first time, seconds after that"
	scripts/build-web.sh $(target)
	cargo build --locked --package backfleet
	$(target)/debug/backfleet demo

test: ## Everything that CI checks. Installs PostgreSQL, InfluxDB and Chromium (Debian) if missing.
	scripts/install-test-servers.sh $(target)
	scripts/check-web.sh $(target)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps
	scripts/run-tests.sh $(target)

bench: ## Measure the engine, and the whole system under a thousand users.
	cargo bench --locked --workspace
	bench/thousand_users

peers: ## Compare with other tools, installed from PyPI: trades, indicators, statistics.
	scripts/peers/all.sh

fmt: ## Format the sources.
	cargo fmt --all
