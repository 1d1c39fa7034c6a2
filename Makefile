# Python 3.11 or newer, pip and make are all that a machine needs. `make help` says what there is.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-hostile chaos fuzz docs lock clean
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.lock
JOBS ?= 2
MINUTES ?= 10
SECONDS ?= 6

# The first of these that runs and is new enough; `make PYTHON=/path/to/python demo` overrides.
NEW_ENOUGH := import sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$each; break; }; done)

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1 - /' | awk -F ' - ' '{ printf "  make %-14s%s\n", $$1, $$2 }'

demo: $(VENV)/.installed ## from a need to a verdict, then a six-node star with three end-to-end keys
	$(BIN)/keytwin demo

test: $(VENV)/.installed ## run all tests (JOBS=2 processes)
	$(BIN)/pytest -n $(JOBS) --dist worksteal -q

check: $(VENV)/.installed ## style, types, import contracts, budgets, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -n $(JOBS) --dist worksteal -q tests/architecture tests/docs

bench: $(VENV)/.installed ## print the benchmark table
	$(BIN)/python -m benchmarks

bench-hostile: $(VENV)/.installed ## measure how others are served while somebody is hostile (SECONDS=6 an attack)
	$(BIN)/python -m benchmarks.hostile $(SECONDS)

# Longer than the few seconds of `make test`; an input that breaks something is left in the present folder.
FUZZ_SECONDS ?= 300
FUZZED := frames blocks requests streams json records network need uvl
fuzz: $(VENV)/.installed ## fuzz every reader of strangers' octets (FUZZ_SECONDS=300 each)
	for target in $(FUZZED); do $(BIN)/python -m tests.fuzz $$target --seconds $(FUZZ_SECONDS) || exit 1; done

chaos: $(VENV)/.installed ## kill -9 a random process of a live network every 5 s, for MINUTES=10, and count keys
	$(BIN)/python -m benchmarks.chaos $(MINUTES)

docs: $(VENV)/.installed ## write the documentation as a site to site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "site/index.html"

# Everything comes from the lock with its hash, the build backend too: the second install fetches nothing.
$(VENV)/.installed: $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "keytwin needs Python 3.11 or newer with its venv module; say where: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# One set of versions for every Python and platform (equal seed and equal lock give equal bytes), resolved by uv in a
# throwaway environment. Holds no address of an index: pip asks the one it is set up with.
lock: ## resolve the dependencies anew and write requirements-dev.lock
	@test -n "$(PYTHON)" || { echo "keytwin needs Python 3.11 or newer with its venv module; say where: make PYTHON=/path/to/python" >&2; exit 1; }
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/pip" install --quiet --disable-pip-version-check uv && \
	"$$folder/bin/uv" pip compile pyproject.toml --quiet --extra dev --upgrade --generate-hashes \
		--universal --python-version 3.11 --fork-strategy fewest --no-annotate --no-emit-index-url \
		--custom-compile-command 'make lock' --output-file $(LOCK)

clean: ## remove what make and the tools have made
	rm -rf $(VENV) build dist site .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
