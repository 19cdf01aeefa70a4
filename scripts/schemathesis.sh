#!/bin/sh
# Sends what the OpenAPI document allows, and what it does not, to a server of its own and checks the answers:
# no 5xx, the statuses, types, headers and bodies that the document promises.
#
#   scripts/schemathesis.sh [CASES OF A FUZZED OPERATION, 50 by default]
#
# Installs schemathesis from PyPI into target/; BACKFLEET names the binary, else the debug one is built.
# Exits 1 after a finding. The server listens on a loopback port and ends with the script.
set -eu

cases=${1:-50}
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/schemathesis
if [ ! -e "$venv/complete" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5
    touch "$venv/complete"
fi
if [ -z "${BACKFLEET:-}" ]; then
    (cd "$root" && cargo build --locked --package backfleet)
    BACKFLEET=$root/target/debug/backfleet
fi

data=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$data"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
export BACKFLEET_DATA="$data/store" BACKFLEET_SERVER="$url"
"$BACKFLEET" candles import "$root/examples/candles" >/dev/null 2>&1
"$BACKFLEET" dev --listen "127.0.0.1:$port" 2>"$data/log" &
server=$!
for _ in $(seq 300); do
    "$BACKFLEET" bundle list >/dev/null 2>&1 && break
    sleep 0.1
done
# Something to find: a bundle that ended.
"$BACKFLEET" bundle submit "$root/examples/scenario.json" --watch >/dev/null 2>&1
id=$("$BACKFLEET" bundle list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["bundleRequestId"])')

cd "$data"
cat >schemathesis.toml <<END
[[operations]]
include-path-regex = "^/api/backtest/bundle/[{]id"
parameters = { id = "$id" }

[[operations]]
include-path-regex = "^/api/backtest/job/"
parameters = { id = "$id-0" }

[[operations]]
include-path = "/api/candles/series/{exchange}/{ticker}/{timeframe}"
parameters = { exchange = "us", ticker = "SPY", timeframe = "1d" }
END
"$venv/bin/schemathesis" run "$url/api/openapi.json" --url "$url" --no-color \
    --phases examples,coverage,fuzzing --max-examples "$cases" --seed 1 --request-timeout 30 \
    --exclude-path-regex '/events$' \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
