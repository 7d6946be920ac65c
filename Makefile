# Each command sets up what it needs. `make demo` tunes a dispatch for the host CPU, `make test` runs what CI runs.
# `make check` is the part of it for while you work, `make test-all` adds what takes longer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Programs of scripts/ use the helpers of the tests.
SCRIPT := PYTHONPATH=tests/support $(BIN)/python scripts
NATIVE := CMakeLists.txt $(shell find cpp -type f 2>/dev/null)
SOURCES := $(NATIVE) pyproject.toml $(shell find python -name '*.py' -o -name '*.pyi')

.PHONY: demo check quick quick-part quick-rest compiling running running-part running-rest measuring oldest test test-all test-slow test-matrix test-printed test-faults \
  sanitize fuzz fuzz-readers lint docs clean

demo: $(VENV)/.installed
	$(BIN)/iree-tune demo
	@echo 'For iree-tune and iree-compile in your shell: . $(VENV)/bin/activate'

# A minute and a half: nothing is compiled or measured.
check: $(VENV)/.installed-dev
	$(MAKE) --jobs=2 --output-sync=target quick-part lint quick-rest

# A quarter of an hour on two cores that do nothing else.
test: $(VENV)/.installed-dev
	$(MAKE) --jobs=3 --output-sync=target lint running compiling quick oldest
	$(MAKE) measuring

# In two parts, of which the second runs beside lint and is shorter by that. What they compute is small: threads would
# only wait for one another.
QUICK := -m 'not (compiler or runs or measures or slow or network)' --durations=5
QUICK_PART := tests/cli tests/constraints tests/house tests/measuring tests/native tests/report tests/search tests/spaces \
  tests/testing

quick: quick-part quick-rest

quick-part quick-rest: export OMP_NUM_THREADS = 1

quick-part: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(QUICK) $(QUICK_PART)

quick-rest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(QUICK) $(QUICK_PART:%=--ignore=%)

compiling: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m 'compiler and not (runs or measures or slow or network)' --durations=5
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lit -v lit_tests

# The longest, so they start early, in two equal parts, which share no run.
RUNS := -m 'runs and not (measures or slow or network)' --durations=10
PART := tests/bundle tests/cli tests/compile tests/evaluate tests/machines tests/runs tests/scripts tests/terminal

running: running-part running-rest

running-part: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(RUNS) $(PART)

running-rest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(RUNS) $(PART:%=--ignore=%)

# Alone: these tests time programs. Nothing else is collected.
measuring: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m 'measures and not (slow or network)' --durations=20 \
	  $(shell grep -rl --include='test_*.py' 'mark\.measures' tests)

# The native tests and lit once more, under the oldest release of IREE, with the same binary.
oldest: $(VENV)/.installed-dev
	$(SCRIPT)/matrix.py 3.9.0

# Everything, for an afternoon.
test-all: test test-slow test-matrix test-printed sanitize fuzz fuzz-readers test-faults

# What is too slow for `make test`, and what installs packages from an index.
test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m 'slow or network'
	$(SCRIPT)/kill_anywhere.py --kills 30

lint: $(VENV)/.installed-dev
	$(BIN)/pre-commit run --all-files

# All documentation as a site, in build/site/index.html; warnings are errors. `make test` does it too.
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) must be Python 3.11 or newer; name another by PYTHON=" >&2; exit 2; }
	@$(PYTHON) -c 'import os.path, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_config_var("INCLUDEPY") + "/Python.h"))' || \
	  { echo "make: $(PYTHON) has no headers (Python.h); on Debian: apt install python3-venv python3-dev" >&2; exit 2; }
	@command -v $${CXX:-c++} >/dev/null || { echo "make: no C++ compiler; on Debian: apt install g++" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "make: cannot make .venv; on Debian: apt install python3-venv python3-dev" >&2; exit 2; }

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	@echo 'make: building and installing into $(VENV), about a minute'
	$(BIN)/pip install --quiet --disable-pip-version-check .
	@touch $@

# For development: the wheel is built while what it needs is installed, and all of it is compiled by every processor.
WHEEL := $(VENV)/wheel
$(VENV)/.installed-dev: $(BIN)/python $(SOURCES)
	@echo 'make: building and installing into $(VENV), with the tools of development, about a minute'
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/.requirements $(WHEEL)/.built
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --no-deps --force-reinstall $(WHEEL)/*.whl
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib || true
	@touch $(VENV)/.installed $@

# All that pyproject.toml names but our own package, and what only extras bring that `dev` is without.
REQUIREMENTS := import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  extras = project["optional-dependencies"]; ours = extras["dev"][0].rpartition("[")[2].rstrip("]").split(","); \
  names = sum((extras[extra] for extra in ("dev", *ours)), project["dependencies"]); \
  print(*(name for name in names if not name.startswith(project["name"])), sep="\n")

$(VENV)/.requirements: pyproject.toml | $(BIN)/python
	@$(BIN)/python -c '$(REQUIREMENTS)' > $@.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --requirement $@.txt
	@touch $@

$(WHEEL)/.built: $(SOURCES) | $(BIN)/python
	@rm -rf $(WHEEL)
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEEL) .
	@touch $@

# The native layer under every supported release of IREE, with one and the same binary (downloads the wheels).
test-matrix: $(VENV)/.installed-dev
	$(SCRIPT)/matrix.py
	$(SCRIPT)/upgrade.py

# The commands of docs/commands.md and tutorial that take too long for `make test`, `make demo` among them, as printed.
test-printed: $(VENV)/.installed-dev
	$(SCRIPT)/printed_commands.py

# What the verdict on outputs finds of planted faults, and that it refuses nothing that is right (docs/correctness.md);
# then every fault at every station of a run, for real. More than an hour.
test-faults: $(VENV)/.installed-dev
	$(SCRIPT)/mutations.py
	$(SCRIPT)/fault_matrix.py

# Builds of our C++ with AddressSanitizer and UBSan, and random modules through it.
sanitize: $(VENV)/.installed-dev
	$(SCRIPT)/sanitize.py

fuzz: $(VENV)/.installed-dev
	$(SCRIPT)/fuzz_native.py --minutes 10

# Specs, bundles, results and runs, spoiled at random places, and read.
fuzz-readers: $(VENV)/.installed-dev
	$(SCRIPT)/fuzz_readers.py --minutes 10

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
