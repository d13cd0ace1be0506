# One virtual environment, filled on demand: a stamp for every set of extras,
# remade when pyproject.toml changes.  PYTHON, VENV and PORT may be set from outside.

VENV   ?= .venv
PORT   ?= 8000
PYTHON ?= $(firstword $(foreach p,python3.11 python3 python,$(shell $(p) -c \
            'import sys; print("$(p)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
BIN    := $(VENV)/bin
RUN    := $(BIN)/python -m
# On one core nothing waits for a second one that is busy with something else.
ONE_CORE := $(shell command -v taskset > /dev/null && echo taskset -c 0)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench compare lint format docs pages serve free-port clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) \
	  | awk -F ':.*## ' '{ printf "make %-8s %s\n", $$1, $$2 }'

demo: $(VENV)/.with-demo ## Derive, check and run logistic regression, start to end
	$(BIN)/python gallery/optimisation_and_statistics/plot_logistic_regression.py

test: lint $(VENV)/.with-test ## Lint, type-check, and run every test and doctest
	$(RUN) pytest -n 2

bench: $(VENV)/.with-test ## Time the library against its rivals, on one core; print the ratios
	OPENBLAS_NUM_THREADS=1 $(ONE_CORE) $(RUN) pytest tests/benchmarks \
	  --benchmark-only --benchmark-quiet --quiet

compare: $(VENV)/.with-compare ## Ask other tools the same questions; write docs/comparison.json
	OPENBLAS_NUM_THREADS=1 $(ONE_CORE) $(RUN) tests.benchmarks.comparison

lint: $(VENV)/.with-dev ## Check style, format and types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

format: $(VENV)/.with-dev ## Apply the format and the safe fixes
	$(RUN) ruff format
	$(RUN) ruff check --fix

docs: export OPENBLAS_NUM_THREADS = 1
docs: $(VENV)/.with-docs ## Build the documentation, which runs the gallery and every example
	$(RUN) sphinx -W --keep-going -d docs/_build/doctrees -b html docs docs/_build/html

pages: docs $(VENV)/.with-pages ## Build the documentation and read it in a browser, Chromium
	$(RUN) pytest -o addopts= docs/tests

serve: free-port docs ## Build the documentation and serve it on http://localhost:8000
	$(RUN) http.server --bind localhost --directory docs/_build/html $(PORT)

free-port: $(BIN)/python
	@$< -c 'import socket; socket.create_server(("localhost", $(PORT)))' 2> /dev/null || \
	  { echo 'Port $(PORT) is taken; choose another one: make serve PORT=8001'; exit 1; }

clean: ## Remove all that was generated, the virtual environment included
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/gallery docs/sg_execution_times.rst
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.with-%: pyproject.toml | $(BIN)/python
	$(RUN) pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || \
	  { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python'; exit 1; }
	$(PYTHON) -m venv $(VENV)
