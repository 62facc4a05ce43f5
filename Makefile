# Everything a newcomer needs. `make` lists the targets; `make run` and `make test` set themselves up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# make run: DURATION=seconds, INPUT=file of mentions, CONFIG=TOML file, ARGS=anything else for `tocsin demo`
# make torture: ARGS=arguments of `python -m tests.torture`
DEMO := $(if $(DURATION),--duration $(DURATION)) $(if $(INPUT),--input $(INPUT)) $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

# Three processes, for tests of a broker wait half of the time; those that share one share a process (tests/conftest.py).
# WORKERS= runs one after the other.
WORKERS := -n 3

# Where it is set, every one of some hundred programs that the tests start would compile the whole project again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-slow check lint format types imports bench ablation plots torture kafka-up kafka-down docs lock audit fuzz image clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/runtime.stamp: requirements/local.lock requirements/build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: expected Python 3.11 or later, got %d.%d; set PYTHON=..." % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked requirements (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/local.lock -r requirements/build.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/audit.stamp: requirements/audit.lock $(VENV)/runtime.stamp
	@$(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/audit.lock
	@touch $@

# Only wheels: building a peer from source would need compilers that nothing here asks for.
$(VENV)/peers.stamp: requirements/peers.lock $(VENV)/runtime.stamp
	@$(BIN)/python -m venv $(VENV)/peers
	@echo "installing the peers of benchmarks.throughput into an environment of their own (once)" >&2
	@$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements/peers.lock
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/runtime.stamp
	@echo "installing the locked development requirements (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

run: $(VENV)/runtime.stamp  ## the whole line on this machine: DURATION=60, INPUT=file.jsonl.gz
	@exec $(BIN)/python -m pipeline demo $(DEMO)

test: $(VENV)/dev.stamp  ## the tests, the real broker included: 20 minutes on two cores
	@$(BIN)/python -m pytest $(WORKERS) -m "not slow"

test-fast: $(VENV)/dev.stamp  ## those of them that need no broker
	@$(BIN)/python -m pytest $(WORKERS) -m "not slow and not integration"

test-slow: $(VENV)/dev.stamp  ## what `make test` leaves out: kills, the whole demo, every permission
	@$(BIN)/python -m pytest $(WORKERS) -m slow

check: lint types imports test test-slow  ## all that the gate runs

lint: $(VENV)/dev.stamp  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/dev.stamp  ## ruff: mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/dev.stamp  ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/dev.stamp  ## the direction of imports
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## measure: cost, latency and memory beside what was asked for, 17 minutes
	@$(MAKE) --no-print-directory $(VENV)/peers.stamp || echo "bench: the peers could not be installed; it goes on without them" >&2
	@$(BIN)/python -m benchmarks

torture: $(VENV)/dev.stamp  ## faults on a real broker against the pure engine, 24 minutes: ARGS="--seed 1 --only zombie"
	@$(BIN)/python -m tests.torture $(ARGS)

ablation: $(VENV)/dev.stamp  ## what each part of the detector is worth: half an hour of one core
	@$(BIN)/python -m studies.ablation

plots: $(VENV)/dev.stamp  ## draw the pictures of README.md and docs/detection.md: REPORT=simulated.json
	@$(BIN)/python -m studies.crisis_picture
	@$(BIN)/python -m studies.detection_plots $(if $(REPORT),--report $(REPORT))

kafka-up: $(VENV)/runtime.stamp  ## a local Apache Kafka that stays
	@$(BIN)/python -m pipeline kafka start

kafka-down: $(VENV)/runtime.stamp  ## stop it
	@$(BIN)/python -m pipeline kafka stop

docs: $(VENV)/dev.stamp  ## write the generated pages anew
	@$(BIN)/python -m pipeline.telemetry > docs/metrics.md
	@$(BIN)/python -m tests.test_documents

lock: $(VENV)/dev.stamp  ## resolve the locked requirements anew
	@for target in runtime:"--extra hub --extra notify" local:"--extra local --extra hub --extra notify" dev:"--extra local --extra hub --extra notify --group dev"; do \
	  $(BIN)/uv pip compile pyproject.toml $${target#*:} --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-header --universal --python-version 3.11 --quiet --output-file requirements/$${target%%:*}.lock; done
	@printf 'hatchling>=1.27\neditables>=0.5\n' | $(BIN)/uv pip compile - --constraint requirements/dev.lock --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --universal --python-version 3.11 --quiet --output-file requirements/build.lock
	@for group in audit peers; do \
	  $(BIN)/uv pip compile --group $$group --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-header --universal --python-version 3.11 --quiet --output-file requirements/$$group.lock; done

audit: $(VENV)/audit.stamp  ## the locked requirements against known vulnerabilities
	@$(BIN)/python .ci/audit.py $(VENV)/audit/bin/pip-audit

fuzz: $(VENV)/dev.stamp  ## look for input that crashes a reader: SECONDS=60 for all targets together
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS))

image: ## build the container image (needs a Docker engine)
	@docker build --file deploy/Dockerfile --tag tocsin:local .

clean:  ## remove the environment, caches and the local Kafka's data
	@rm -rf $(VENV) .tocsin .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
