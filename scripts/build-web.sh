#!/bin/sh
# Builds the page in web/ if a source is newer than what was built. Where Node is missing or too old
# it says so and builds nothing: the binary then serves a short page instead.
# $1: cargo's target folder.
set -eu

if ! node=$("$(dirname "$0")/find-node.sh" "$1"); then
    echo "the page in web/ is not built, the program works without it" >&2
    exit 0
fi
PATH="$node:$PATH"
cd "$(dirname "$0")/../web"
newer=$(find src index.html package-lock.json vite.config.ts -newer dist/index.html 2>/dev/null || echo all)
[ -n "$newer" ] || exit 0
echo "building the page" >&2
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund --loglevel=error >&2
fi
npm run --silent build >/dev/null
