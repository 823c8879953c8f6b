# One word per chore. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help environment shell demo ui test check format bench soak lock clean

VENV := .venv/bin
# Every dependency's telemetry is off, and nothing asks a model hub.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export BENTOML_DO_NOT_TRACK := true
export GX_ANALYTICS_ENABLED := false
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_OFFLINE := 1
export RAY_USAGE_STATS_ENABLED := 0
# Compiled once, not at every start of every stage.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(VENV):$(PATH)

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environment: ## Make or update .venv from requirements.lock
	@bash infra/environment.sh

shell: environment ## A shell in which `mova`, `dvc` and `python` are those of .venv
	@bash --rcfile <(cat ~/.bashrc 2>/dev/null; echo "source .venv/bin/activate") -i || true

demo: environment ## The whole life, from footage to a clip over HTTP; FOOTAGE=folder for your own files, CLIPS=N for less
	@python -m flows.lifecycle $(if $(FOOTAGE),--footage "$(FOOTAGE)") $(if $(CLIPS),--clips $(CLIPS))

ui: environment ## Prefect's UI with the flows' Run buttons
	@python -m flows.deployments --with-server

# One process more than cores: many tests wait for servers and for processes that they start.
test: environment ## The tests, under 12 minutes on 2 cores
	@python -m pytest -m "not soak" -n 3 --no-loadscope-reorder $(ARGS)

check: environment ## Lint, types, import rules, then the tests
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@$(MAKE) --no-print-directory test

format: environment ## Put the code into its usual shape
	@ruff check --fix .
	@ruff format .

bench: environment ## Benchmarks, each against a baseline in the same run
	@python -m benchmarks $(ARGS)

soak: environment ## The long kill, fuzz and load runs
	@python -m pytest -m soak $(ARGS)

lock: environment ## Resolve requirements.lock anew from pyproject.toml
	@bash infra/lock.sh

clean: ## Remove what the demo and the tests made (tables, models, reports, synthetic footage); keeps .venv and your footage
	@[ ! -e data/footage-events.json ] || rm -rf data/footage data/footage.dvc data/footage-events.json
	@rm -rf data/sources.lock data/hidden.json data/*.parquet data/rejects data/clips \
	  data/latents models runs reports dist demo logs .mova .prefect .pytest_cache .mypy_cache .ruff_cache dvc.lock .dvc/cache .dvc/tmp
