#!/bin/sh
# Runs one suite and keeps its counts; called by `make test`.
#   run.sh busted|program RESULT COMMAND...   RESULT.log gets the output, RESULT.count "passed failed skipped"
#   run.sh sum FOLDER                         adds all counts up; fails if any test failed, or none ran
# A failing suite prints its log and still exits 0, so that the others run: `sum` decides.
set -u

if [ "$1" = sum ]; then
    find "$2" -name '*.count' -exec cat {} + | awk '
        { passed += $1; failed += $2; skipped += $3 }
        END {
            line = (passed + 0) " passed, " (failed + 0) " failed"
            if (skipped > 0) line = line ", " skipped " skipped"
            print line
            exit failed > 0 || passed == 0
        }'
    exit
fi

kind=$1 result=$2
shift 2
mkdir -p "$(dirname "$result")"
started=$(date +%s)
timeout -k 10 "${SUITE_SECONDS:-1500}" "$@" >"$result.log" 2>&1 </dev/null
status=$?
seconds=$(($(date +%s) - started))

if [ "$kind" = busted ]; then
    # "12 successes / 0 failures / 0 errors / 1 pending : 0.1 seconds"; a run that died has no such line.
    counts=$(sed -n \
        's|^\([0-9]*\) success[es]* / \([0-9]*\) failures* / \([0-9]*\) errors* / \([0-9]*\) pending.*|\1 \2 \3 \4|p' \
        "$result.log" | tail -n 1)
    # shellcheck disable=SC2086
    set -- ${counts:-0 0 0 0}
    passed=$1 failed=$(($2 + $3)) skipped=$4
    [ -n "$counts" ] || failed=1
else
    passed=0 failed=0 skipped=0
    [ "$status" -eq 0 ] && passed=1
fi
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
[ $((passed + failed + skipped)) -gt 0 ] || failed=1

echo "$passed $failed $skipped" >"$result.count"
name=${result##*/results/}
if [ "$failed" -gt 0 ]; then
    echo "---- $name (exit $status)"
    cat "$result.log"
    echo
    echo "FAIL  $name: $failed of $((passed + failed)) (${seconds} s)"
else
    echo "  ok  $name: $passed$([ "$skipped" -gt 0 ] && echo ", $skipped skipped") (${seconds} s)"
fi
