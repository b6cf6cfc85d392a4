# make demo      the prank-call game, live, with a process killed in the middle
# make test      everything but the slow starts: under ten minutes on two cores
# make test-all  what needs starts of its own: app lifetimes, fresh installs
# make bench     the figures of the README
# make check     lint and types

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export RAY_USAGE_STATS_ENABLED := 0
export PYTHONUNBUFFERED := 1

.PHONY: demo test test-all bench check clean
.DEFAULT_GOAL := test

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON) here: install Python 3.11 or say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11: say PYTHON=python3.11"; exit 1; }
	@echo "Making the environment in $(VENV) (once; Ray is large: a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[prankcall,dev,bench]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/python -m apps.prankcall demo

test: $(VENV)/.installed check
	@$(BIN)/python -m pytest -q -m "not slow"

test-all: $(VENV)/.installed
	@$(BIN)/python -m pytest -q -m slow

check: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.installed
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
