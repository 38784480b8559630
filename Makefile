# `make help` lists what there is. Everything is installed into .venv, nothing outside this folder
# (make test and make bench add Debian packages where they may, and say what is missing where they may not).
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Python 3.11 to 3.13; name another one with `make setup PYTHON=…`
PYTHON ?=
LINT := $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
# what is handed to `engawa up`, e.g. make run ARGS='--offset 10000'
ARGS ?=
# two more than there are cores, since tests wait for processes they start; files come in their order, so that long
# ones are not the last
WORKERS ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$(( (cores > 4 ? 4 : cores) + 2 )))
# tests write some 2 GB and wait for the disk after each change: into memory where there is much of it
TEMPORARY := $(shell [ "$$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null && echo /dev/shm)
# folder of open data that trials read
ENGAWA_DATA ?= ../shared/data
export ENGAWA_DATA
# what is compiled is kept beside its source, whatever the shell says: tests start hundreds of processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test trial lint bench clean dev tools assets

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/.run assets ## install the pinned dependencies into .venv (leaves .venv/bin/engawa)

run: setup ## start broker (127.0.0.1:1026), personal-data module (:8026), desk (:8110) with made-up data; Ctrl-C ends it
	@$(BIN)/engawa up --demo $(ARGS)

test: dev tools .venv/.card ## install what tests need, check the style, run all tests
	@# meanwhile tests are compiled, once for all workers
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 & { $(LINT); }; found=$$?; wait; exit $$found
	@$(if $(TEMPORARY),PYTEST_DEBUG_TEMPROOT=$(TEMPORARY)) \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

trial: ## list the long proofs; each is make trial-NAME and writes to docs/trials.md
	@for file in tests/trials/[a-z]*.py; do \
	  printf '  make trial-%-16s %s\n' "$$(basename $$file .py | tr _ -)" "$$(sed -n '1s/"""//gp' $$file)"; \
	done

trial-%: dev
	@test -f tests/trials/$(subst -,_,$*).py || { echo "There is no trial '$*'; make trial lists them."; exit 2; }
	@$(BIN)/python -m tests.trials.$(subst -,_,$*) $(ARGS)

lint: dev ## check style, types and the layers of imports
	@$(LINT)

bench: dev ## measure the broker as ratios to the reference handler (docs/performance.md)
	@command -v wrk >/dev/null || { $(call apt,wrk); }
	@$(BIN)/python -m bench $(ARGS)

clean: ## remove what set-up and tests made; data in var stays
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- how it is done ----

dev: .venv/.dev assets

# the library of card readers compiles; tests of cards are skipped where it did not
.venv/.card: requirements/card.txt .venv/.dev
	@PATH="$$PATH:/usr/sbin"; command -v pcscd >/dev/null && [ -f /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] && command -v gcc >/dev/null \
	  && pkg-config --exists libpcsclite 2>/dev/null || { echo "Installing pcscd with its virtual reader for the tests of cards …"; \
	  $(call apt,pcscd vsmartcard-vpcd libpcsclite-dev gcc libc6-dev pkg-config iproute2 opensc); \
	  if [ -d /run/systemd/system ]; then $${sudo-} systemctl disable --now pcscd.socket pcscd >/dev/null 2>&1 || true; fi; }
	@$(INSTALL) -r requirements/card.txt && touch $@ || echo "pyscard was not installed, so the tests of cards are skipped." >&2

.venv/.run: requirements/run.txt pyproject.toml | .venv/.python
	@echo "Installing the pinned dependencies (once, about a minute) …"
	@$(INSTALL) -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	@echo "Installing the tools for tests (once, about a minute) …"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

define no_python
Engawa needs Python 3.11, 3.12 or 3.13. Install one (Debian, Ubuntu: apt-get install python3 python3-venv), \
or name one: make setup PYTHON=python3.11
endef

.venv/.python:
	@python=; for name in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { python=$$name; break; }; \
	done; \
	test -n "$$python" || { echo "$(no_python)" >&2; exit 1; }; \
	$$python -c 'import venv, ensurepip' 2>/dev/null || { $(call apt,python3-venv); }; \
	$$python -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python has no venv. Install it (Debian, Ubuntu: apt-get install python3-venv) and call make again." >&2; exit 1; }; \
	rm -rf .venv && $$python -m venv .venv && touch $@

# scripts of the pages (the map); pages work without them, so npm may be missing or fail
assets:
	@if command -v npm >/dev/null && [ -f package-lock.json ] && ! [ node_modules/.assets -nt package-lock.json ]; then \
	  { timeout 120 npm ci --silent --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 </dev/null \
	    && npm run --silent assets && touch node_modules/.assets; } >/dev/null 2>&1 \
	  || echo "npm did not work, so the pages have no map; all else works." >&2; \
	fi

# Debian's packages, where we may install them; silent, and never a reason to stop
apt = if command -v apt-get >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo='sudo -n'; else sudo=false; fi; \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $(1) >/dev/null 2>&1 \
	  || { $$sudo apt-get update -q >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $(1) >/dev/null 2>&1; } \
	  || echo "$(1) is not installed and cannot be installed from here: apt-get install $(1)" >&2; \
	else echo "$(1) is not installed: install it with this system's package tool" >&2; fi; true

# Debian starts a service it installs: tests start their own mosquitto, so that one is stopped again
tools:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { echo "Installing Chromium for the browser tests …"; $(call apt,chromium); }
	@PATH="$$PATH:/usr/sbin"; command -v mosquitto >/dev/null || { echo "Installing mosquitto for the tests of MQTT …"; $(call apt,mosquitto); \
	  if [ -d /run/systemd/system ]; then $${sudo-} systemctl disable --now mosquitto >/dev/null 2>&1 || true; fi; }
	@command -v softhsm2-util >/dev/null || { echo "Installing SoftHSM for the tests of keys in a token …"; $(call apt,softhsm2); }
	@command -v ssss-combine >/dev/null || { echo "Installing ssss for the tests of shared keys …"; $(call apt,ssss); }
