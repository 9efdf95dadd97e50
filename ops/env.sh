#!/usr/bin/env bash
# Makes .env, once: random secrets for docker compose, readable by its owner only.
# An existing .env is never changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ ! -e .env ] || exit 0
umask 077

secret() { head -c 96 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | cut -c "1-$1"; }

set -o noclobber
cat >.env <<END
JWT_SECRET=$(secret 64)
JWT_SECRET_SINCE=$(date -u +%F)
DB_PASSWORD=$(secret 32)
RABBITMQ_PASSWORD=$(secret 32)
END
echo "Made .env with random secrets."
