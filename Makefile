# The suite's commands. `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export SCALE SERVICE LEVEL REQUEST SINCE

##@ Run

run: ## Install what is missing and run the whole suite; Ctrl-C stops it (SCALE="gateway=2 todos=2")
	@ops/install.sh && exec $(PYTHON) -m ops.run

shell: ## Nameko's shell against the running suite
	@ops/install.sh && exec $(PYTHON) -m ops.shell

mail: ## The newest caught mails; ID=7 shows the text of one
	@ops/install.sh && exec $(PYTHON) -m ops.mail $(ID)

dead-letters: ## What could not be delivered, and why; the running suite is asked
	@ops/install.sh && exec $(PYTHON) -m ops.dead_letters

logs: ## What the processes of `make run` wrote (SERVICE=todos LEVEL=warning REQUEST=<id> SINCE=15m)
	@$(PYTHON) -m ops.logs

reset: ## Drop the local data: databases, messages, mails (asks first)
	@ops/reset.sh

##@ Keep

backup: ## A consistent copy of all data, while the suite runs (TO=file or directory, KEEP=7, EVERY=24h METRICS=3008)
	@ops/install.sh && exec $(PYTHON) -m ops.backup --to "$(TO)" --keep "$(KEEP)" --every "$(EVERY)" --metrics "$(METRICS)"

restore: ## All data back from such a copy (FROM=file; FORCE=yes drops what is there, CHECK=yes only reads it)
	@ops/install.sh && exec $(PYTHON) -m ops.restore --from "$(FROM)" --force "$(FORCE)" --check "$(CHECK)"

##@ Containers

up: ## Run the suite with docker compose
	@ops/compose.sh up --detach --build --wait

down: ## Stop the containers; their data is kept
	@ops/compose.sh down

##@ Develop

test: ## Lint and run every test with coverage; T=path runs a part, without lint and coverage
	@ops/install.sh --dev
	@$(if $(T),$(PYTHON) -m pytest $(T),ops/test.sh)

chaos: ## Kill and restart everything under load, the long form; counts must come out exact
	@ops/install.sh --dev
	@CHAOS=long $(PYTHON) -m pytest -s tests/chaos tests/chaos/versions.py

drills: ## Break one thing after the other until each alert of a real Prometheus fires (ARGS="-k broker")
	@ops/install.sh --drills
	@$(PYTHON) -m pytest -s tests/drills/alerts.py $(ARGS)

fuzz: ## Send the suite what its document allows and what it does not, for ten minutes
	@ops/install.sh --dev
	@FUZZ=long $(PYTHON) -m pytest -s tests/fuzz

bench: ## Compare the suite with stock Nameko: throughput, latency, CPU; ARGS="--only list32 --rounds 1"
	@ops/install.sh --bench
	@$(PYTHON) -W ignore -m bench $(ARGS)

openapi: ## Write gateway/openapi.json and gateway/asyncapi.json again, from the code
	@ops/install.sh --dev
	@$(PYTHON) -m ops.openapi

unit: ## Run the tests that need no server
	@ops/install.sh --dev
	@$(PYTHON) -m pytest tests/unit

lint: ## Check style and types
	@ops/install.sh --dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

format: ## Format the code and sort its imports
	@ops/install.sh --dev
	@$(PYTHON) -m ruff check --select I --fix .
	@$(PYTHON) -m ruff format .

audit: .local/audit ## Ask PyPI's vulnerability service about every installed package (needs the network)
	@ops/install.sh
	@.local/audit/bin/pip-audit --strict --progress-spinner off --desc on --path $$(echo .venv/lib/python*/site-packages)

sbom: .local/audit ## Write what is installed, with versions and licences, to .local/sbom.json (CycloneDX)
	@ops/install.sh
	@.local/audit/bin/cyclonedx-py environment --output-reproducible --output-file .local/sbom.json .venv
	@echo "Written: .local/sbom.json"

.local/audit: ops/audit-requirements.txt
	@ops/install.sh
	@$(PYTHON) -m venv --clear $@
	@$@/bin/python -m pip install -q --no-input --disable-pip-version-check -r $<
	@touch $@

clean: ## Remove caches, reports and leftovers of tests; data stays
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .local/test .local/download
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

##@ Help

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run shell mail dead-letters logs reset backup restore up down test chaos drills fuzz bench openapi unit lint format audit sbom clean help
