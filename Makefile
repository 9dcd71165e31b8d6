# `make help` lists the targets. Everything runs in .venv, which the first target that needs it makes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NAME ?=
FORCE ?=
REVS ?=

export DO_NOT_TRACK = true
export MLFLOW_DISABLE_TELEMETRY = true
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.DEFAULT_GOAL := help
.PHONY: help install demo up down status plots test test-slow check format profile clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

install: $(STAMP)  ## Make .venv and install the project (once; again when pyproject.toml or constraints.txt change)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "This project needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
		     "Name another one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m flows.plots --prepare
	@touch $@

demo: $(STAMP)  ## Run the whole chain of params.yaml; what is up to date is not repeated
	@$(BIN)/python -m flows.chain

plots: $(STAMP)  ## Draw DVC's plots, offline; REVS="main other" compares experiments, branches, commits
	@$(BIN)/python -m flows.plots $(REVS)

test: $(STAMP)  ## Run the quick tests, one complete small chain among them
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(STAMP)  ## Run the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(STAMP)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

up: $(STAMP)  ## Start Prefect, a worker and MLflow, and print where they are (again: harmless)
	@$(BIN)/python -m flows.services up

down: $(STAMP)  ## Stop what up started; FORCE=1 cancels runs that are under way
	@$(BIN)/python -m flows.services down $(if $(FORCE),--force)

status: $(STAMP)  ## Tell which of them run, and which runs are under way
	@$(BIN)/python -m flows.services status

profile: $(STAMP)  ## Make profiles/NAME.yaml the project's params.yaml: make profile NAME=nano
	@$(BIN)/python -m flows.profiles $(NAME)

clean:  ## Remove unfinished work (stopped runs' workspaces too) and logs; results, histories and DVC's cache stay
	@test ! -x $(BIN)/python || $(BIN)/python -m infra.clean
	rm -rf .s1/work .s1/logs .s1/runs .mypy_cache .ruff_cache build ./*.egg-info
