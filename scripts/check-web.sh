#!/bin/sh
# Checks, tests and builds the page in web/. Node comes from PyPI where the machine's is too old.
# $1: cargo's target folder.
set -eu

node=$("$(dirname "$0")/find-node.sh" "$1" --fetch)
PATH="$node:$PATH"
cd "$(dirname "$0")/../web"
npm ci --no-audit --no-fund
npm run check
npm run build
