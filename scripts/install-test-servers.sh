#!/bin/sh
# Installs what the tests run against, from Debian's own packages, and only what is missing:
# PostgreSQL 15, InfluxDB 1.6, PgBouncer, Chromium, and pip where Node must come from PyPI. A second
# run only asks dpkg.
#
# The tests start private servers of their own, so nothing is started here: no cluster is made and
# no service is allowed to start during the installation.
set -eu

if ! command -v dpkg-query >/dev/null; then
    for program in initdb influxd pgbouncer chromium; do
        command -v "$program" >/dev/null || missing="${missing:-} $program"
    done
    [ -z "${missing:-}" ] && exit 0
    echo "error: not a Debian system, and these programs are missing:$missing" >&2
    echo "hint: install PostgreSQL 14+ servers, InfluxDB 1.x, PgBouncer and Chromium by hand, then run again" >&2
    exit 1
fi

missing=
for package in postgresql-15 influxdb pgbouncer chromium; do
    # dpkg-query fails for a package that it never heard of, which is as good as not installed.
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=unknown
    [ "$status" = installed ] || missing="$missing $package"
done
if ! python3 -m pip --version >/dev/null 2>&1 &&
    ! "$(dirname "$0")/find-node.sh" "${1:-target}" >/dev/null 2>&1; then
    missing="$missing python3-pip"
fi
[ -n "$missing" ] || exit 0
echo "installing$missing" >&2

if [ "$(id -u)" -eq 0 ]; then
    root=env
elif command -v sudo >/dev/null; then
    root="sudo env"
else
    echo "error: installing$missing needs root, and there is no sudo" >&2
    echo "hint: run as root: apt-get install$missing" >&2
    exit 1
fi

# Both files tell the packages' own scripts to start nothing; ours are made only where none is.
cluster=/etc/postgresql-common/createcluster.conf
policy=/usr/sbin/policy-rc.d
if [ ! -e "$cluster" ]; then
    $root install -d /etc/postgresql-common
    echo "create_main_cluster = false" | $root tee "$cluster" >/dev/null
fi
if [ ! -e "$policy" ]; then
    trap '$root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod 755 "$policy"
fi

$root apt-get update
# shellcheck disable=SC2086 # The names are words.
$root DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold $missing
