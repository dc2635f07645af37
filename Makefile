# One command each: `make run` for the living dashboard, `make test` for lint and every test.
PYTHON ?= python3
PORT ?= 8050
BIN := .venv/bin

.PHONY: install install-dev run lint test test-slow test-real bench lock clean

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

install: .venv/installed

install-dev: .venv/installed-dev

run: install
	$(BIN)/coc serve --port $(PORT)

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m tests.browser_install
	$(BIN)/pytest -n 2 --dist loadfile

# What takes minutes (hundreds of kills, long pauses), and what a quicker test of `make test` says too.
test-slow: install-dev
	$(BIN)/python -m tests.browser_install
	$(BIN)/pytest -m slow --timeout 1800

# Against real systems: installs Debian's packages where it may (root, apt), starts them itself on loopback, says what was
# not run and why.
test-real: install-dev
	$(BIN)/python -m tests.browser_install
	$(BIN)/python -m tests.real.installed
	$(BIN)/pytest -m real --timeout 1200 -rs -v tests/real

bench: install-dev
	$(BIN)/coc bench --size S

# The lock names packages and hashes only, no index: any registry will do.
lock:
	uv pip compile pyproject.toml --generate-hashes --no-header --python-version 3.11 --extra dev --extra build --extra postgres -o requirements-dev.lock
	uv pip compile pyproject.toml --generate-hashes --no-header --python-version 3.11 --extra build --extra postgres -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf .venv var build *.egg-info
