#!/usr/bin/env bash
# Drops the data that `make run` keeps: databases, messages and mails. Asks first;
# YES=1 answers. Refuses while somebody uses the data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DATA=(.local/rabbitmq .local/postgresql .local/mongodb .local/mail)

mkdir -p .local
exec 9>>.local/run.lock
flock --nonblock 9 || { echo "error: 'make run', a backup or a restore uses the data: stop it first, or wait for its end." >&2; exit 1; }
if [ "${YES:-}" != 1 ]; then
    answer=""
    read -r -p "Drop all databases, messages and mails in .local? [y/N] " answer || true
    [[ $answer == [yY]* ]] || { echo "Nothing was dropped."; exit 1; }
fi
rm -rf "${DATA[@]}"
echo "Dropped; the next 'make run' begins with empty data."
