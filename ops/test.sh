#!/usr/bin/env bash
# Checks style and types and runs every test, in processes side by side: most tests wait for servers that
# start, stop or break. Each process has servers of its own. Coverage is that of all together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LOGS=.local/test
# Four groups of about the same length. What is in none of these is in the fourth, so that no test is forgotten.
declare -A PATHS=(
    [gateway]="tests/integration/gateway tests/unit tests/integration/todos tests/integration/notifications tests/integration/bench"
    [common]="tests/integration/common tests/integration/ops/test_[!e]*.py tests/integration/messaging/test_waiting.py"
    [people]="tests/e2e tests/fuzz tests/integration/users"
)
# Some two hundred processes are started: each would compile again what none may keep.
unset PYTHONDONTWRITEBYTECODE
declare -A processes=()
failed=()
broken=()

begin() { # name, command: run it in the background, with the output in a file
    local name=$1
    shift
    "$@" >"$LOGS/$name.log" 2>&1 &
    processes[$name]=$!
}

begin_tests() { # name, paths: run the tests there
    local name=$1
    shift
    # pytest's own modules are left as they are: what is measured is the suite.
    begin "$name" .venv/bin/python -m slipcover --dont-wrap-pytest --json --out "$LOGS/$name.coverage" \
        -m pytest -o cache_dir="$LOGS/cache/$name" "$@"
}

finish_one() { # wait for one of them, and show what it wrote
    local name ended status=0
    wait -n -p ended "${processes[@]}" || status=$?
    for name in "${!processes[@]}"; do
        [ "${processes[$name]}" = "$ended" ] || continue
        unset "processes[$name]"
        printf '\n===== %s\n' "$name"
        cat "$LOGS/$name.log"
        case $status in
        0) ;;
        1) failed+=("$name") ;;
        *) broken+=("$name") ;; # it has not run to its end
        esac
    done
}

mkdir -p "$LOGS"
rm -rf "$LOGS/cache" "$LOGS"/*.coverage
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
elsewhere=()
for name in "${!PATHS[@]}"; do
    # shellcheck disable=SC2206
    paths=(${PATHS[$name]}) # unquoted, so that patterns become files
    elsewhere+=("${paths[@]/#/--ignore=}")
done

echo "The tests run in processes side by side; what each has written so far is in $LOGS."
begin_tests rest tests "${elsewhere[@]}"
for name in "${!PATHS[@]}"; do
    # shellcheck disable=SC2086
    begin_tests "$name" ${PATHS[$name]}
done
begin lint make --no-print-directory lint
while [ "${#processes[@]}" -gt 0 ]; do finish_one; done

if [ "${#broken[@]}" -gt 0 ]; then
    printf '\nBroken off: %s\n' "${broken[*]}"
    exit 1
fi
# Some tests watch the clock. What has failed beside the others has to pass with the machine to itself.
for name in "${failed[@]}"; do
    printf '\n===== what has failed of %s, once more and alone\n' "$name"
    .venv/bin/python -m pytest -o cache_dir="$LOGS/cache/$name" --last-failed --last-failed-no-failures none tests ||
        exit 1
done
.venv/bin/python -m slipcover --skip-covered --merge "$LOGS"/*.coverage --out "$LOGS/coverage.json"
