#!/usr/bin/env bash
# Checks style and types and runs every test, in processes side by side: most tests wait for servers that
# start, stop or break. Each process has servers of its own. Coverage is that of all together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTEST=(.venv/bin/python -m pytest --cov --cov-report=)
LOGS=.local/test
declare -A GROUPS_OF=(
    [run]="tests/integration/ops"
    [people]="tests/e2e tests/fuzz"
    [mechanism]="tests/integration/common tests/integration/gateway"
    [unit]="tests/unit tests/integration/todos tests/integration/notifications tests/integration/bench"
)

beside() { # name, command: run it in the background, with the output in a file
    local name=$1
    shift
    COVERAGE_FILE=.coverage.$name "$@" >"$LOGS/$name.log" 2>&1 &
    processes[$name]=$!
}

declare -A processes
mkdir -p "$LOGS"
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
elsewhere=()
for name in "${!GROUPS_OF[@]}"; do
    read -ra paths <<<"${GROUPS_OF[$name]}"
    beside "$name" "${PYTEST[@]}" "${paths[@]}"
    elsewhere+=("${paths[@]/#/--ignore=}")
done

beside lint make --no-print-directory lint

failed=0
# Whatever is in no group, so that no test is forgotten.
COVERAGE_FILE=.coverage.rest "${PYTEST[@]}" tests "${elsewhere[@]}" || failed=1
for name in "${!processes[@]}"; do
    wait "${processes[$name]}" || failed=1
    cat "$LOGS/$name.log"
done
[ $failed = 0 ] || exit 1

.venv/bin/python -m coverage combine --quiet
.venv/bin/python -m coverage report --show-missing --skip-covered
