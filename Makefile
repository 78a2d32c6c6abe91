# make demo   a ledger of a year (tally-demo.db), and a walk through the main reports
# make test   the tests, on two workers
# make check  all that continuous integration runs
# make torture  kills at random moments, full disks, flipped bits, for minutes
# make quick  what to run while working: style, types and the fast specifications
# make judges the outside programs that tests ask: browsers, shells, ledgers, and their drivers
#
# Needs Python 3.11 or later (with venv), git and make. Everything is installed into .venv: for
# `make demo` the program alone, for everything else what tests need too.

VENV    ?= .venv
WORKERS ?= 2
# The first Python on the path that is new enough; `make PYTHON=/usr/bin/python3.12 test` names one.
PYTHON  ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

# Random sequences judged by the plain model in `make test`; `make check` takes ten thousand.
SEQUENCES ?= 1000

BIN   := $(VENV)/bin
BASE  := $(VENV)/.program
STAMP := $(VENV)/.installed
PIP   := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Blocks of slow tests are many: a worker that is done takes over from the other.
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist worksteal
CODE  := ledger projections cli tallystick fixtures tests docs benchmarks

.PHONY: site man screens demo test quick judges check style types imports docs docs-check coverage sequences torture bench golden clean

# Two targets may not install into .venv at the same time.
.NOTPARALLEL:

demo: $(BASE)
	$(BIN)/tally demo

test: $(STAMP)
	TALLY_SEQUENCES=$(SEQUENCES) $(PYTEST)

# Less than half a minute: what a change breaks first.
quick: $(STAMP)
	$(BIN)/ruff check --quiet .
	$(BIN)/pytest -q -n $(WORKERS) tests/specs tests/schema tests/store/test_contract.py tests/test_tidy.py

# Debian's programs where that is possible; a test whose judge is missing says so and is skipped.
# What is there then stands in .venv/judges: with TALLY_JUDGES=.venv/judges each of them must be asked.
JUDGES := bash chromium default-jre-headless fish groff hledger ledger openssl postgresql zsh
judges: $(STAMP)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq; for name in $(JUDGES); do \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$name \
	      >/dev/null || echo "judges: $$name could not be installed"; done; \
	else echo "judges: as root on Debian: apt install $(JUDGES)"; fi
	@for name in playwright focus-data-toolkit pyspark; do \
	  $(PIP) "$$name" || echo "judges: $$name could not be installed"; done
	@if command -v npm >/dev/null; then \
	  there=$$(mktemp -d) && (cd "$$there" && npm pack --silent axe-core@4 >/dev/null && \
	    tar xzf axe-core-*.tgz package/axe.min.js package/LICENSE) && \
	  mkdir -p $(VENV)/axe-core && cp "$$there"/package/* $(VENV)/axe-core/; rm -rf "$$there"; \
	else echo "judges: axe-core comes from npm: install npm, or name axe.min.js in AXE_CORE"; fi
	@$(BIN)/python -m tests.judges $(VENV)/judges

check: style types imports docs-check site coverage sequences demo
	@echo "check: all is well"

style: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy $(CODE)

imports: $(STAMP)
	$(BIN)/lint-imports

# The whole suite with branch coverage of ledger/ and projections/; the bound is in pyproject.toml.
coverage: $(STAMP)
	TALLY_SEQUENCES=$(SEQUENCES) $(PYTEST) --cov --cov-report=term-missing:skip-covered

# All ten thousand, without coverage, which would slow them down several times.
sequences: $(STAMP)
	TALLY_SEQUENCES=10000 $(PYTEST) tests/differential

# Kills, full disks and flipped bits, many of each; `make test` plays one round.
TORTURE ?= 40
torture: $(STAMP)
	TALLY_TORTURE=$(TORTURE) TALLY_KILLS=100 $(PYTEST) -s tests/torture tests/notices/test_kills.py

docs: $(STAMP)
	$(BIN)/python docs/generate.py

# Pictures of every page of `tally serve` (docs/SCREENS.md); they need chromium: make judges.
screens: $(STAMP)
	$(BIN)/python docs/screens.py

# docs/ as pages that need no network (build/site), and the man pages (build/man).
site: $(STAMP)
	$(BIN)/mkdocs build

man: $(STAMP)
	$(BIN)/python -m docs.man build/man

docs-check: $(STAMP)
	$(BIN)/python docs/generate.py --check

# Each figure is a ratio to a peer measured in the same run: in under an hour, up to a million
# commands. `make bench SIZE=--quick` is a look in five minutes. A run that was cut off, or in which
# a step failed, goes on where it was; `SIZE='--only verify'` runs the steps with that name.
SIZE ?=
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(SIZE) -o docs/BENCHMARKS.md

# Writes what the golden tests expect; review the difference like code.
golden: $(STAMP)
	TALLY_SEQUENCES=$(SEQUENCES) $(PYTEST) --update-golden
	git --no-pager diff --stat

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later is needed" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "make: on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(BASE): pyproject.toml | $(BIN)/python
	$(PIP) -e .
	@touch $@

# The program is part of it.
$(STAMP): pyproject.toml | $(BIN)/python
	$(PIP) -e '.[dev]'
	@touch $@ $(BASE)
