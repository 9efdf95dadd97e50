#!/usr/bin/env bash
# Checks style and types and runs every test, in processes side by side: most tests wait for servers that
# start, stop or break. Each process has servers of its own. Coverage is that of all together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

AT_ONCE=5
PYTEST=(.venv/bin/python -m pytest --cov --cov-report=)
LOGS=.local/test
# The longest first. Whatever is in no group makes one of its own, so that no test is forgotten.
ORDER=(gateway common people run accounts unit)
declare -A PATHS=(
    [gateway]="tests/integration/gateway"
    [common]="tests/integration/common"
    [people]="tests/e2e tests/fuzz"
    [run]="tests/integration/ops"
    [accounts]="tests/integration/accounts tests/integration/users"
    [unit]="tests/unit tests/integration/todos tests/integration/notifications tests/integration/bench"
)
declare -A processes=()
failed=()

begin() { # name, command: run it in the background, with the output in a file, when there is room
    local name=$1
    shift
    while [ "${#processes[@]}" -ge "$AT_ONCE" ]; do finish_one; done
    COVERAGE_FILE=.coverage.$name "$@" >"$LOGS/$name.log" 2>&1 &
    processes[$name]=$!
}

finish_one() { # wait for one of them, and show what it wrote
    local name ended status=0
    wait -n -p ended "${processes[@]}" || status=$?
    for name in "${!processes[@]}"; do
        [ "${processes[$name]}" = "$ended" ] || continue
        unset "processes[$name]"
        printf '\n===== %s\n' "$name"
        cat "$LOGS/$name.log"
        [ "$status" = 0 ] || failed+=("$name")
    done
}

mkdir -p "$LOGS"
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
elsewhere=()
for name in "${ORDER[@]}"; do
    read -ra paths <<<"${PATHS[$name]}"
    elsewhere+=("${paths[@]/#/--ignore=}")
done

echo "The tests run in processes side by side; what each has written so far is in $LOGS."
begin rest "${PYTEST[@]}" tests "${elsewhere[@]}"
for name in "${ORDER[@]}"; do
    read -ra paths <<<"${PATHS[$name]}"
    begin "$name" "${PYTEST[@]}" "${paths[@]}"
done
begin lint make --no-print-directory lint
while [ "${#processes[@]}" -gt 0 ]; do finish_one; done

if [ "${#failed[@]}" -gt 0 ]; then
    printf '\nFailed: %s\n' "${failed[*]}"
    exit 1
fi
.venv/bin/python -m coverage combine --quiet
.venv/bin/python -m coverage report --show-missing --skip-covered
