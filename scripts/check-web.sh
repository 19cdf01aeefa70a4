#!/bin/sh
# Checks, tests and builds the page in web/. Skipped, with a line that says so, where Node is
# missing or too old for the build: the binary then serves a short page instead.
set -eu

wanted="20.19"
found=$(node --version 2>/dev/null | sed 's/^v//') || true
oldest=$(printf '%s\n%s\n' "$wanted" "${found:-0}" | sort --version-sort | head -n 1)
if [ "$oldest" != "$wanted" ]; then
    echo "the page in web/ was not checked: Node ${found:-is missing}, $wanted or newer is needed" >&2
    exit 0
fi
cd "$(dirname "$0")/../web"
npm ci --no-audit --no-fund
npm run check
npm run build
