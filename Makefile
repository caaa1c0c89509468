# Postier's targets; `make help` lists them. A fresh machine needs Python >= 3.11 and the package registry.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-crash test-model test-clients check format lock docs bench fuzz parts clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Postier needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/runtime.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

install: $(VENV)/.runtime ## make the environment in .venv (the command is .venv/bin/postier)

demo: install ## two servers, one letter each way, then stay up (Ctrl-C ends it)
	$(BIN)/postier demo --data demo-data

parts: ## install the system parts that the tests need (as root), or name what is missing
	tools/system_parts.sh

test: $(VENV)/.dev parts ## set up and run the tests
ifeq ($(shell id -u),0)
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(ARGS)
else # who is not root may mount file systems in a namespace of his own (user_namespaces(7))
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m 'not desktop and not mounts' $(ARGS)
	$(if $(ARGS),,unshare --map-root-user --mount $(BIN)/python -m pytest -q -m mounts tests/crash tests/app)
endif

test-crash: $(VENV)/.dev ## kill the server at random under load, many times; nothing accepted may be lost
	$(BIN)/python -m pytest -q tests/crash --kills=100 $(ARGS)

test-model: $(VENV)/.dev parts ## IMAP sessions at random against a shadow of each, for minutes
	$(BIN)/python -m pytest -q tests/model --model-seconds=180 --timeout=600 --model-seed=$$RANDOM $(ARGS)

test-clients: $(VENV)/.dev ## real mail clients only, Thunderbird too
	tools/system_parts.sh desktop
	$(BIN)/python -m pytest -q -m '' tests/clients $(ARGS)

check: $(VENV)/.dev ## format, lint, types, imports, sizes, citations, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python tools/check_purity.py
	$(BIN)/python tools/check_rfc_index.py
	$(BIN)/python tools/generate_docs.py --check
	$(BIN)/python tools/generate_limits.py --check

format: $(VENV)/.dev ## write the source in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev ## compile the locked dependencies anew
	tools/lock.sh

docs: $(VENV)/.dev ## write the pages that are made from the source
	$(BIN)/python tools/generate_docs.py
	$(BIN)/python tools/generate_limits.py

bench: $(VENV)/.dev ## measure the servers; prints JSON lines
	$(BIN)/python bench/run.py $(ARGS)

fuzz: $(VENV)/.dev ## fuzz each parser for a minute
	for each in fuzz/fuzz_*.py; do $(BIN)/python $$each --seconds 60 || exit 1; done

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-data
