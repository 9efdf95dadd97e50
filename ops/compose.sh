#!/usr/bin/env bash
# Runs docker compose with the secrets of .env, which is made once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! docker compose version >/dev/null 2>&1; then
    echo "error: Docker with its compose plugin is needed and not found; 'make run' works without it." >&2
    exit 1
fi
if ! docker info >/dev/null 2>&1; then
    echo "error: no Docker engine answers: start it, or join the group 'docker'; 'make run' works without it." >&2
    exit 1
fi
ops/env.sh
exec docker compose "$@"
