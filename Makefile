# Everything from a fresh clone: Python >= 3.11, a Rust toolchain, make.
# The environment is .venv at the root; the compiled extension lies beside native/__init__.py.

PYTHON ?= python3
ARGS ?=
SEED ?= 0
SECONDS ?= 20
BIN := .venv/bin
RUST := $(shell find native -name '*.rs' -not -path 'native/target/*' -not -path 'native/fuzz/*' 2>/dev/null) native/Cargo.toml native/Cargo.lock $(wildcard native/crates/*/Cargo.toml)

.PHONY: help
help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/ready: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	awk "/^[a-z]/{p=/^uv==/} p" requirements.lock > .venv/uv.lock  # pip brings uv, uv brings the rest: ten times faster
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

.venv/built: .venv/ready pyproject.toml $(RUST)
	@command -v cargo >/dev/null || { echo "cargo was not found: install a Rust toolchain (1.89 or newer)"; exit 1; }
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: setup
setup: .venv/built  ## Make .venv, build the Rust extension, install the project

.PHONY: demo
demo: setup  ## Play the seven scenarios on a regtest chain (ARGS: --bitcoind, --engine core, --only vault), or a loan (ARGS=lending)
	$(BIN)/python -m node.demo $(ARGS)

.PHONY: test
test: setup  ## Run the tests (ARGS: passed to pytest)
	$(BIN)/python -m pytest $(ARGS)

.venv/fuzz: .venv/ready tests/fuzz/requirements.lock
	@if $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --requirement tests/fuzz/requirements.lock; \
	then touch $@; else echo "atheris cannot be installed for this Python: its targets will be reported as not run"; fi

.PHONY: fuzz
fuzz: setup .venv/fuzz  ## Search every parser, in both languages (SECONDS a target, SEED, ARGS: words of target names)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED) $(ARGS)
	bash native/fuzz/run $(SECONDS) $(SEED) $(ARGS)

.PHONY: bench
bench: setup  ## Measure (ARGS: subjects, --json)
	$(BIN)/python -m benches $(ARGS)

.PHONY: lint
lint: setup  ## Linters and type checkers of both languages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m mypy.stubtest native._native
	cargo fmt --manifest-path native/Cargo.toml --all --check
	cargo clippy --manifest-path native/Cargo.toml --all-targets --quiet -- -D warnings

.PHONY: test-rust
test-rust:  ## Run the Rust tests
	cargo test --manifest-path native/Cargo.toml --quiet

.PHONY: lock
lock: .venv/ready  ## Pin requirements.in again, with hashes and without addresses
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --no-emit-index-url requirements.in --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --no-emit-index-url tests/fuzz/requirements.in --output-file tests/fuzz/requirements.lock
