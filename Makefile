# Everything a developer runs. Each target sets up what it needs: a virtual environment in .venv with torch's CPU build,
# the versions of constraints.txt and this package, editable. Needs Python 3.11 or newer and pip; another interpreter
# is named by `make PYTHON=python3.12 ...`.

PYTHON ?= python3
DATA ?= ../shared/data
ROUNDS ?= 10

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu
IMDB := runs/bench/aclImdb

.PHONY: help demo test test-slow fuzz lint format bench bench-kernels bench-accuracy setup clean

help:
	@echo "make demo       train a classifier on built-in data and show its accuracy beside a baseline's"
	@echo "make test       lint, then all tests and doctests but the slow ones"
	@echo "make test-slow  the slow tests"
	@echo "make fuzz       property tests on new random examples (ROUNDS=10 times)"
	@echo "make lint       ruff, formatting, types, layering"
	@echo "make format     let ruff put in order what it can"
	@echo "make bench      measure speed and write bench/RESULTS.md (bench-accuracy: accuracy, hours)"
	@echo "make bench-kernels  the compiled kernels beside torch.nn and ONNX Runtime, into bench/RESULTS.md"
	@echo "make clean      remove the virtual environment and caches"

setup: $(READY)

# One thread: the network is too small to share, and threads that wait for each other on a busy machine take minutes.
demo: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/treadle demo

# Lint comes first: it takes seconds, and a test run that passes on code that may not land is time lost.
# A worker a core, each with one thread: the tensors of tests are too small to share among cores.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n auto --dist worksteal --durations 15 tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --doctest-modules src/treadle

test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow --durations 15 tests

# Property tests on new random examples, ROUNDS times over; `make test` takes the same examples every time.
fuzz: $(READY)
	for round in $$(seq $(ROUNDS)); do OMP_NUM_THREADS=1 $(BIN)/pytest -q -m "hypothesis and not slow" -n auto \
		--hypothesis-profile search tests || exit 1; done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) $(IMDB)
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/imdb_epoch.py $(IMDB)/train

bench-kernels: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	$(BIN)/python bench/kernels.py
	$(BIN)/python bench/streams.py

bench-accuracy: $(READY)
	$(BIN)/python bench/accuracy.py $(DATA)

$(IMDB):
	@test -e $(DATA)/text/imdb/aclImdb_labeled.tar.gz || { echo "make bench needs IMDB: $(DATA)/text/imdb/aclImdb_labeled.tar.gz is missing; name its folder by DATA="; exit 1; }
	mkdir -p $(@D)
	tar -xzf $(DATA)/text/imdb/aclImdb_labeled.tar.gz -C $(@D)

# torch comes first and by itself. The build "+cpu" is taken from wherever pip looks already, else from torch's own index;
# left alone, pip would fetch gigabytes of CUDA on Linux.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Treadle needs Python 3.11 or newer, found: $$($(PYTHON) --version 2>&1 || true). Name another by make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps "torch==$(TORCH)+cpu" 2>/dev/null || \
		$(BIN)/python -m pip install --no-deps "torch==$(TORCH)" --extra-index-url $(CPU_INDEX)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests bench examples -name __pycache__ -prune -exec rm -rf {} +
