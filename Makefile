# `make demo` and `make test` need nothing but Python 3.11 or later; they make .venv themselves.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

SECONDS ?= 60

.PHONY: demo test test-matrix check fuzz oracle docs site bench clean

demo: $(READY)
	$(BIN)/python examples/demo.py

# All that must hold before a commit is made.
test: oracle check

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -W error -n auto --dist loadfile

# Random programs, compiled and compared with the interpreter, for as long as one likes.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)
	$(BIN)/python -m tests.fuzz.loops --seconds $(SECONDS)

# The environment is made anew when what it is made from changes. The mark is set last, so an
# installation that failed half-way is tried again.
$(READY): pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed; try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# The other Pythons and bindings, as far as they are on the machine.
test-matrix:
	@sh .ci/matrix

# Tests compare with MLIR's own tools, which come with the `dev` extra or, where there are no wheels
# of them, from Debian; elsewhere these tests skip and say so.
oracle: $(READY)
	@sh .ci/oracle $(BIN)/python

# Runs the code in the documents and the notebooks again and writes down what it shows.
docs: $(READY)
	$(BIN)/python docs/generate.py
	$(BIN)/python notebooks/execute.py

# The documents as a site, which opens from the disk: build/site/index.html.
site: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -c docs -d build/doctrees -b html . build/site

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
