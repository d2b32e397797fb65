# `make demo` shows the whole system at work; `make test` proves it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
KAFKA := .ocop/kafka-dist/.complete

.PHONY: setup demo up down test bench lint format schemas lock clean

setup: $(VENV)/.installed $(KAFKA)

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: $(PYTHON) is not on PATH." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(KAFKA): deploy/kafka/pom.xml | $(VENV)/.installed
	@$(BIN)/python -m services.embedded.distribution

demo: setup
	@$(BIN)/ocop demo

up: setup
	@$(BIN)/ocop up

down: $(VENV)/.installed
	@$(BIN)/ocop down

bench: setup
	@$(BIN)/ocop bench

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup lint
	$(BIN)/pytest

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The JSON Schemas, from the models.
schemas: $(VENV)/.installed
	$(BIN)/python -m schemas.jsonschema

# Resolve the dependencies anew. No registry address is written into the lock.
lock:
	$(PYTHON) -m venv .ocop/lock && .ocop/lock/bin/pip install --quiet uv
	.ocop/lock/bin/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --extra dev \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements.lock

clean: down
	rm -rf .ocop build *.egg-info
