# Everything a person or the continuous integration runs. Needs GNU make and Python 3.11 or newer;
# the rest is installed into .venv/. On Windows run it from Git's bash.

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
PYTHON ?= python
else
BIN := .venv/bin
PYTHON ?= python3
endif

# So many processes share the tests; `make test WORKERS=auto` takes every core.
WORKERS ?= 2
# More arguments for pytest: `make test ARGS="-k space"`.
ARGS ?=

PY := $(BIN)/python
UV := $(BIN)/uv
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

# uv doesn't read pip's configuration: where pip is told of more wheels, uv is told too.
# Expanded when used, because it asks the pip of .venv/.
FIND_LINKS = $(foreach place,$(or $(PIP_FIND_LINKS),$(shell $(PY) -m pip config get global.find-links 2>/dev/null)),--find-links $(place))
INSTALL = $(UV) pip install --quiet --python $(PY) -c constraints.txt -b constraints.txt $(FIND_LINKS)

# Keep compiled modules whatever the shell says: the tests start many processes that import torch.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format docs bench wheels registry constraints clean

help:  ## Show this list
	@$(PYTHON) -c "import re; [print('make %-12s %s' % m) for m in re.findall(r'^(\w+):.*?##\s*(.+)$$', open('Makefile', encoding='utf-8').read(), re.M)]"

setup: .venv/full  ## Make .venv/ with the core, every plugin (editable) and the tools

# An environment that has everything stays one; without any, the demo needs only a part.
demo: $(if $(wildcard .venv/full),.venv/full,.venv/light)  ## Load a pretrained model by name and draw digits
	$(PY) docs/examples/digits.py

test: export OMP_NUM_THREADS ?= 1
test: .venv/full  ## Run every test
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

lint: .venv/full  ## Check style, imports and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

format: .venv/full  ## Mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The variable silences an advertisement of the theme's makers.
docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv/full  ## Build the documentation into site/, warnings being errors
	$(PY) -m mkdocs build --strict --quiet

bench: export OMP_NUM_THREADS ?= 1
bench: .venv/bench  ## Run the benchmarks; write benchmarks/results.md
	for script in benchmarks/*.py; do echo "== $$script" && $(PY) $$script || exit 1; done

wheels: .venv/full  ## Build the source archive and the wheel of every distribution into dist/
	$(PY) -c "import shutil; shutil.rmtree('dist', ignore_errors=True)"
	for project in . $(PLUGINS); do $(PY) -m build --no-isolation --outdir dist $$project || exit 1; done

registry: .venv/full  ## Make the first-party part of registry.yaml from the plugins' own files
	$(PY) -m zoo_core.registry.publish

constraints: .venv/uv  ## Resolve constraints.txt anew
	UV=$(UV) bash scripts/constraints

clean:  ## Remove what is built, .venv/ too
	$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('.venv', 'dist', 'site')]"

# Stamps. Each stands for an installation that had ended when it was written.

.venv/uv: constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'The zoo needs Python 3.11 or newer: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet -c constraints.txt uv
	@touch $@

.venv/light: .venv/uv $(PROJECTS)
	$(INSTALL) -e . -e plugins/flows -e plugins/data
	@touch $@

# One resolution for all, so that no plugin pulls what another forbids.
.venv/full: .venv/uv $(PROJECTS)
	$(INSTALL) --group dev -e . $(addprefix -e ,$(PLUGINS))
	@touch .venv/light $@

.venv/bench: .venv/full
	$(INSTALL) --group dev --group bench -e . $(addprefix -e ,$(PLUGINS))
	@touch $@
