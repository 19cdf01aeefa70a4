# Sourced by the scripts beside it: sets `python` to one that has the packages named, and BACKFLEET.
#
#   peer_environment NAME PACKAGE...   makes target/peers/NAME once, from PyPI
#
# BACKFLEET names a binary to test; without it the release binary is built.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)

peer_environment() {
    venv=$root/target/peers/$1
    shift
    python=$venv/bin/python
    if [ ! -e "$venv/complete" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"
        touch "$venv/complete"
    fi
    if [ -z "${BACKFLEET:-}" ]; then
        (cd "$root" && cargo build --locked --release --package backfleet)
        BACKFLEET=$root/target/release/backfleet
    fi
    export BACKFLEET
}
