# One set of commands for people, hooks and CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# On a terminal pip shows what it does.
PIP := $(BIN)/python -m pip --disable-pip-version-check install $$(test -t 2 || echo --quiet)
# Half of the tests wait for other processes, so there may be more workers than cores.
TEST_WORKERS ?= 4
# A file's tests share what they start. Files begin in the order that tests/conftest.py gives them.
SPREAD := -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test quick check docs messages screenshots load bench chaos secrets lock format clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

run: $(VENV)/.run ## Start everything: PostgreSQL, Valkey, web and worker
	@exec $(BIN)/shortener up

test: $(VENV)/.dev ## Run all tests, against servers of their own
	$(BIN)/pytest $(SPREAD) $(ARGS)

quick: $(VENV)/.dev ## Run the tests that need no other processes than the servers, for every save
	$(BIN)/pytest $(SPREAD) $(addprefix --ignore=tests/,$(SLOW)) $(ARGS)
SLOW := e2e chaos load hostile_clients processes workers test_wheel.py test_pauses.py http/test_proxies.py http/test_openapi.py accounts/test_guessing.py

check: $(VENV)/.dev ## Lint, types, import contract, migration drift, containers, workflows, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_migrations.py
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/pytest -q tests/test_docs.py

docs: $(VENV)/.dev ## Write what repeats the code: the OpenAPI document, and the tables of settings, errors and decisions
	PYTHONPATH=. $(BIN)/python scripts/write_docs.py

messages: $(VENV)/.dev ## Extract the texts of the dashboard, and merge them into its catalogues
	$(BIN)/pybabel -q extract -F $(LOCALE)/babel.cfg --no-location --sort-output --omit-header -k _ -k text -o $(LOCALE)/messages.pot shortener/dashboard
	$(BIN)/pybabel -q update --no-fuzzy-matching --omit-header --width 0 -i $(LOCALE)/messages.pot -o $(LOCALE)/de.po -l de
	rm $(LOCALE)/messages.pot
LOCALE := shortener/dashboard/locale

screenshots: $(VENV)/.dev ## Take pictures of the dashboard's screens: URL=http://127.0.0.1:8000 ARGS="/-/ /-/links"
	$(BIN)/python scripts/screenshots.py $(or $(URL),http://127.0.0.1:8000) $(ARGS)

load: $(VENV)/.dev ## Load a product of its own, or HOST=http://… KEY=shr_…: USERS=50 SECONDS=30; UI=1 opens locust's page
	@LOAD_KEY=$(KEY) PYTHONPATH=. $(BIN)/python -m tests.load.mixed $(if $(HOST),--host $(HOST)) $(if $(UI),--page) \
	  --users $(or $(USERS),50) --seconds $(or $(SECONDS),30) $(ARGS)

bench: $(VENV)/.dev ## Measure redirects beside their peers, and write docs/benchmarks.md: PART=scale, memory, live, processes, sustained, options, beside
	PYTHONPATH=. $(BIN)/python -m tests.load.$(or $(PART),bench) --write $(ARGS)

chaos: $(VENV)/.dev ## Break each part under load, and write the results to docs/reliability.md: ARGS=--short
	$(BIN)/python -m tests.chaos --write docs/reliability.md $(ARGS)

secrets: ## Make the secrets that docker-compose.yml names, where there are none
	$(PYTHON) scripts/make_secrets.py

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Resolve the dependencies again (needs uv); UPGRADE= keeps the versions
	uv pip compile --quiet $(UPGRADE) $(LOCK) --extra embedded --group dev --group build pyproject.toml -o requirements-dev.txt
	uv pip compile --quiet $(UPGRADE) $(LOCK) -c requirements-dev.txt pyproject.toml -o requirements.txt
	uv pip compile --quiet $(UPGRADE) $(LOCK) -c requirements-dev.txt --extra embedded pyproject.toml -o requirements-embedded.txt
	uv pip compile --quiet $(UPGRADE) $(LOCK) -c requirements-dev.txt --group pyproject.toml:build -o requirements-build.txt
UPGRADE := --upgrade
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean: ## Remove the virtual environment and what tools have left; data stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than what it was made from, or its command runs again.
$(VENV)/.run: $(VENV)/bin/python requirements-embedded.txt requirements-build.txt pyproject.toml
	@echo "Installing the dependencies into $(VENV), once. This takes about a minute." >&2
	$(PIP) --require-hashes -r requirements-embedded.txt -r requirements-build.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@
