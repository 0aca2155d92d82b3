# The whole house in a few words: make demo, make test, make validate, make docs, make lint, make lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VIEWER := hatch_build.py $(wildcard viewer/*.js*) viewer/build.py
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := demo

# Two processes share the work of the tests; a library that starts threads of its own would only get in their way.
export OMP_NUM_THREADS ?= 1
export NUMBA_NUM_THREADS ?= 1

.PHONY: demo test lint validate docs lock clean

demo: $(VENV)/core.stamp
	rm -rf $(DEMO)
	$(BIN)/spondyl synth --out $(DEMO)/patient --break L1:wedge:0.6
	$(BIN)/spondyl plan $(DEMO)/patient/ct.nii.gz --labels $(DEMO)/patient/labels.nii.gz --label-map verse \
	  --patient $(DEMO)/patient/patient.toml --out $(DEMO)/case
	@echo
	@echo "A virtual patient with a broken L1 lies in $(DEMO)/patient."
	@echo "Its report: $(CURDIR)/$(DEMO)/case/report.html"

# One command proves everything; pytest comes last, so that its summary is what one sees.
test:
	bash tools/system_packages.sh
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m tools.check_licences
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

validate: $(VENV)/test.stamp $(VENV)/train.stamp
	$(BIN)/python -m tools.validate
	$(BIN)/python -m tools.validate_grades
	$(BIN)/python -m tools.validate_density
	$(BIN)/python -m tools.validate_forecast
	$(BIN)/python -m tools.validate_access
	$(BIN)/python -m tools.validate_injection
	$(BIN)/python -m tools.validate_strength
	$(BIN)/python -m tools.validate_network --resume

docs: $(VENV)/docs.stamp
	$(BIN)/mkdocs build --strict

# Exact versions of everything that runs or tests the package. The documentation's tools stay out: they prove nothing.
lock: $(VENV)/lock.stamp
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-header --no-annotate --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --extra test --extra pdf --extra network --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) $(DEMO) site

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version 2>&1); name another one: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# What the program needs and no more, in the locked versions; the PDF's library only where Pango can carry it.
$(VENV)/core.stamp: $(BIN)/python pyproject.toml requirements.lock $(VIEWER)
	$(PIP) install --quiet --constraint requirements.lock --editable \
	  ".$$($(BIN)/python -c 'from ctypes.util import find_library as f; print("[pdf]" if f("pango-1.0") else "")')"
	touch $@

$(VENV)/test.stamp: $(BIN)/python pyproject.toml requirements.lock $(VIEWER)
	$(PIP) install --quiet --requirement requirements.lock
	$(PIP) install --quiet --no-deps --editable .
	touch $@

# torch, for the check that a training resumes; no test needs it.
$(VENV)/train.stamp: $(VENV)/test.stamp
	$(PIP) install --quiet --constraint requirements.lock --editable ".[train,compare]"
	touch $@

$(VENV)/docs.stamp: $(VENV)/core.stamp
	$(PIP) install --quiet --constraint requirements.lock --editable ".[docs]"
	touch $@

$(VENV)/lock.stamp: $(BIN)/python
	$(PIP) install --quiet pip-tools
	touch $@
