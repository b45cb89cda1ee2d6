# Two commands: `make run` and `make test`. Each sets up what it needs, once, and shows what it does.

PYTHON ?= $(if $(wildcard $(VENV)/.created),python3,$(shell tools/python.sh))
PORT ?= 8080
DEMO ?=
KAFKA ?=
STACK ?=
VENV := .venv
BIN := $(VENV)/bin
NPM := npm --prefix frontend --no-fund --no-audit

FRONTEND_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)
MAP_SOURCES := $(shell find frontend/map-build -type f 2>/dev/null)
PYRIGHT := frontend/node_modules/.bin/pyright

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help run test test-cluster check unit format generate lock setup setup-dev connect prometheus images clean
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ifeq ($(STACK),full)
run: setup-dev
	@exec $(BIN)/python tools/stack.py --port $(PORT) $(if $(DEMO),--demo $(DEMO))
else
run: setup ## set everything up and start Trackway (PORT=8080, DEMO=25, KAFKA=host:port; STACK=full: on servers of its own)
	@exec $(BIN)/trackway up --port $(PORT) $(if $(DEMO),--demo $(DEMO)) $(if $(KAFKA),--kafka $(KAFKA))
endif

test: setup-dev check ## set everything up, check the code and run all tests
	@echo "» frontend tests"
	@$(NPM) run --silent test
	@echo "» Python tests"
	@$(BIN)/python -m pytest

test-cluster: setup-dev ## run tests/cluster on the cluster of KUBECONFIG, or else on one that knative-host starts
	@$(BIN)/python -m tests.cluster $(if $(WHERE_POSSIBLE),--where-possible)

check: setup-dev ## linters, formatters, types, layers
	@echo "» ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "» layers" && $(BIN)/lint-imports
	@echo "» pyright" && $(PYRIGHT)
	@echo "» frontend: types, eslint, prettier"
	@$(NPM) run --silent typecheck && $(NPM) run --silent lint && $(NPM) run --silent format:check

unit: setup-dev ## the quick tests: no processes, no browser
	@$(BIN)/python -m pytest -m "not integration and not e2e"

format: setup-dev ## format and fix what can be fixed
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(NPM) run --silent format

generate: setup-dev ## write the schemas, the frontend's types, the OpenAPI fragment, Kibana's objects and Grafana's dashboards from the sources
	@$(BIN)/python tools/generate.py
	@$(BIN)/python tools/kibana.py
	@$(BIN)/python -m monitoring
	@$(BIN)/python tools/strimzi.py
	@$(NPM) run --silent types

lock: ## resolve the Python dependencies anew
	@$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --strip-extras --build-deps-for editable -o requirements.lock pyproject.toml
	@$(BIN)/pip-compile -q --upgrade --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --strip-extras -c requirements.lock -o requirements-dev.lock pyproject.toml
	@$(BIN)/pip-compile -q --upgrade --extra s3 --extra otlp --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe --strip-extras --build-deps-for wheel -c requirements.lock -c requirements-dev.lock -o requirements-image.lock pyproject.toml

setup: $(VENV)/.installed build/frontend/index.html build/map/streets.json
setup-dev: $(VENV)/.installed-dev frontend/node_modules/.installed build/frontend/index.html build/map/streets.json .browser .java .go .prometheus

# The tools that we cannot install ourselves, asked for before anything is written.
.PHONY: tools
tools:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install Python 3.11 or newer (or name it: make run PYTHON=python3.12)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Trackway needs Python 3.11 or newer (name it: make run PYTHON=python3.12)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install the package python3-venv." >&2; exit 1; }
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node.js is missing: install Node.js 20 or newer with npm." >&2; exit 1; }
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "Node.js $$(node --version) is too old: Trackway needs Node.js 20 or newer." >&2; exit 1; }

$(VENV)/.created: | tools
	@echo "» virtual environment in $(VENV), of $$($(PYTHON) --version) ($(PYTHON))"
	@$(PYTHON) -m venv $(VENV) && touch $@

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/.created
	@echo "» Python packages"
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "» Python packages for development"
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock && $(BIN)/pip check
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json | tools
	@echo "» frontend packages"
	@$(NPM) ci && touch $@

build/map/streets.json: frontend/node_modules/.installed $(MAP_SOURCES)
	@echo "» map of Montevideo"
	@$(NPM) run --silent map && touch $@

build/frontend/index.html: frontend/node_modules/.installed frontend/package.json $(FRONTEND_SOURCES)
	@echo "» frontend build"
	@$(NPM) run --silent build && touch $@

# The browser test drives Debian's Chromium; elsewhere it says what to install, and the test is skipped (which CI counts as failed).
.PHONY: .browser
.browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "» Chromium for the browser test"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	  else echo "The browser test needs Chromium: install the package chromium (or set CHROMIUM=/path/to/it)." >&2; fi; }

# The tests of the log in Kafka start a real one, which Maven fetches; without both tools they are skipped (failed in CI).
.PHONY: .java
.java:
	@{ command -v java && command -v mvn; } >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "» Java and Maven for the tests against Kafka"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jdk-headless maven; \
	  else echo "The tests against Kafka need Java and Maven: install the packages default-jdk-headless and maven." >&2; fi; }

# The tests of the manifests build the real kustomize and istioctl; where no Go is new enough, one comes from the module proxy.
.PHONY: .go
.go: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.servers.go >/dev/null || true

# The tests of rules and dashboards run a real Prometheus: Debian's, which is only unpacked here, so that no service starts; without it they are skipped (failed in CI).
PROMETHEUS := build/servers/prometheus
.PHONY: .prometheus
.prometheus:
	@{ [ -x $(PROMETHEUS)/usr/bin/promtool ] || command -v promtool; } >/dev/null || { \
	  if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then \
	    echo "» Prometheus for the tests of rules and dashboards"; [ "$$(id -u)" != 0 ] || apt-get update -qq; \
	    mkdir -p $(PROMETHEUS)/deb && cd $(PROMETHEUS)/deb && apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg -x prometheus_*.deb .. && rm -r ../deb; \
	  else echo "The tests of rules and dashboards need Prometheus: install the package prometheus." >&2; fi; }

prometheus: setup-dev ## a Prometheus on 127.0.0.1:9090 that asks the Trackway on PORT; Ctrl-C ends it
	@exec $(BIN)/python tools/prometheus.py --scrape $(PORT)

# The transforms that Kafka Connect needs beside a sink's own jars (docs/operations.md).
connect: build/connect/trackway-transforms.jar ## build the jar of connect/transforms into build/connect
build/connect/trackway-transforms.jar: $(shell find connect/transforms -type f 2>/dev/null)
	@command -v mvn >/dev/null || { echo "Maven is missing: install the packages default-jdk-headless and maven." >&2; exit 1; }
	@echo "» transforms for Kafka Connect" && mvn -q -B -f connect/transforms/pom.xml clean package

# Any builder with docker's words will do: BUILDER=podman, or buildah.
BUILDER ?= docker
REGISTRY ?=
TAG ?= 0.1.0
images: ## build the two images for a cluster (REGISTRY=registry.example.com TAG=0.1.0; PUSH=1 pushes them; BUILDER=podman)
	@[ -n "$(REGISTRY)" ] || { echo "Say where the images belong: make images REGISTRY=registry.example.com (dev.local for kind)." >&2; exit 1; }
	$(BUILDER) build -f functions/Dockerfile -t $(REGISTRY)/trackway/functions:$(TAG) .
	$(BUILDER) build -f realtime-gateway/Dockerfile -t $(REGISTRY)/trackway/realtime-gateway:$(TAG) .
	@[ -z "$(PUSH)" ] || { $(BUILDER) push $(REGISTRY)/trackway/functions:$(TAG) && $(BUILDER) push $(REGISTRY)/trackway/realtime-gateway:$(TAG); }

clean: ## remove what was installed and built; the data in var/ stay
	@rm -rf $(VENV) frontend/node_modules build
