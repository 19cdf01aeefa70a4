#!/bin/sh
# Runs the Python of the pages docs/guide/from-*.md with the tool itself and compares what it prints
# with what the page shows.
#
#   scripts/peers/migration.sh [backtesting-py|vectorbt|freqtrade ...]
#
# Exits 1 where a page shows something else.
. "$(dirname "$0")/venv.sh"
BACKFLEET=${BACKFLEET:-not used here}

# The first fence of kind $2 in the page $1.
fence() {
    awk -v open="\`\`\`$2" '$0 == "```" && inside { exit } inside { print } $0 == open { inside = 1 }' "$1"
}

failed=0
[ $# -gt 0 ] || set -- backtesting-py vectorbt freqtrade
cd "$root"
for name; do
    page=docs/guide/from-$name.md
    case $name in
    backtesting-py) peer_environment backtesting_py backtesting==0.6.6 numpy pandas ;;
    vectorbt) peer_environment vectorbt vectorbt==1.2.0 numpy pandas ;;
    freqtrade) peer_environment freqtrade freqtrade==2026.9 ;;
    *) echo "no page is called $page" >&2 && exit 2 ;;
    esac
    folder=$(mktemp -d)
    fence "$page" text >"$folder/shown"
    if [ "$name" = freqtrade ]; then
        fence "$page" python | "$python" scripts/peers/migration_freqtrade.py
    else
        fence "$page" python | "$python" -
    fi >"$folder/printed" 2>"$folder/errors" || tail -n 3 "$folder/errors" >&2
    if diff -u "$folder/shown" "$folder/printed"; then
        echo "$page: as shown, $(tail -n 1 "$folder/printed")"
    else
        failed=1
    fi
    rm -r "$folder"
done
exit $failed
