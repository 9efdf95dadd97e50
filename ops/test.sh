#!/usr/bin/env bash
# Runs every test, in two processes side by side: most tests wait for servers that start, stop or
# break, and each process has servers of its own. Coverage is that of both together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTEST=(.venv/bin/python -m pytest --cov --cov-report=)
APART=(tests/integration/ops tests/chaos)
OUTPUT=.local/test/apart.log

mkdir -p .local/test
COVERAGE_FILE=.coverage.apart "${PYTEST[@]}" "${APART[@]}" >"$OUTPUT" 2>&1 &
apart=$!
trap 'kill "$apart" 2>/dev/null || true' EXIT

failed=0
COVERAGE_FILE=.coverage.rest "${PYTEST[@]}" tests "${APART[@]/#/--ignore=}" || failed=1
echo "The tests of ${APART[*]} ran beside these:"
wait "$apart" || failed=1
cat "$OUTPUT"
[ $failed = 0 ] || exit 1

.venv/bin/python -m coverage combine --quiet
.venv/bin/python -m coverage report --show-missing --skip-covered
