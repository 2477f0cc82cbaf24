# Each target sets up what it needs: a virtual environment, made by venv and pip alone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINES_BIN := .venv-engines/bin
CLUSTER_BIN := .venv-cluster/bin
TRAIN_BIN := .venv-train/bin
AIPERF := 0.13.0
CONSTRAINTS := constraints.txt

# The environments of real clients, one for each file of requirements and each package.json: `make test-clients`
# makes and tests all of them, `make test-clients CLIENTS="openai npm"` these.
CLIENTS ?= $(basename $(notdir $(wildcard tests/clients/requirements/*.txt))) $(notdir $(patsubst %/,%,$(dir $(wildcard tests/clients/*/package.json))))
CLIENTS_READY = $(foreach name,$(CLIENTS),$(if $(wildcard tests/clients/$(name)/package.json),tests/clients/$(name)/node_modules/ready,.venv-clients/$(name)/ready))

# Compiled Python is kept, whatever the shell says: the tests start hundreds of processes, each of which would
# compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-cluster test-engines test-browser test-clients newcomer check docs screenshots glimpse soak fuzz bench bench-peers bench-scale validate clean

demo: $(VENV)/base
	$(BIN)/viewfinder demo

test: $(VENV)/dev check
	$(BIN)/python -m pytest -m "not soak and not cluster and not engines and not browser and not clients and not newcomer" -n 3 --dist loadfile --no-loadscope-reorder

test-cluster: .venv-cluster/cluster
	for file in tests/cluster/test_*_ray.py; do $(CLUSTER_BIN)/python -m pytest -m cluster --timeout 240 $$file || exit 1; done
	$(CLUSTER_BIN)/python -m tests.cluster.end_to_end

test-engines: .venv-engines/engines
	$(ENGINES_BIN)/python -m pytest -m engines

test-browser: $(VENV)/browser
	$(BIN)/python -m pytest -m browser

newcomer: $(VENV)/dev
	$(BIN)/python -m pytest -m newcomer tests/docs

# `make test-clients RAY=local` (or RAY=HOST:PORT): the same clients, before a gateway whose models are on a Ray cluster.
test-clients: $(if $(RAY),.venv-cluster/cluster,$(VENV)/dev) $(CLIENTS_READY)
	CLIENTS="$(CLIENTS)" E2E_RAY_ADDRESS="$(RAY)" $(if $(RAY),$(CLUSTER_BIN),$(BIN))/python -m pytest -m clients tests/clients

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev
	$(BIN)/python -m docs.generate.models > docs/models.md
	$(BIN)/python -m docs.generate.settings > docs/settings.md
	$(BIN)/python -m docs.generate.fields > docs/fields.md
	$(BIN)/python -m tests.faults.page > docs/reliability.md
	$(BIN)/python -m tests.hostile.page > docs/security.md
	$(BIN)/python -m benchmarks.validity.page > docs/validity.md
	$(BIN)/python -m benchmarks.peers.table > docs/speed.md
	$(BIN)/python -m benchmarks.scale.page > docs/scale.md
	$(BIN)/python -m tests.clients.page > docs/clients.md

screenshots: $(VENV)/browser
	$(BIN)/python -m docs.generate.screenshots

soak: $(VENV)/dev
	$(BIN)/python -m pytest -m soak --timeout 3600

fuzz: $(VENV)/fuzz
	$(BIN)/python -m tests.fuzz $(TARGETS)

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks.recovery
	$(BIN)/python -m benchmarks.added_wait
	$(BIN)/python -m benchmarks.estimates
	$(BIN)/python -m benchmarks.start

bench-peers: $(VENV)/dev .venv-clients/litellm/ready
	$(BIN)/python -m benchmarks.peers $(PEERS)

bench-scale: .venv-cluster/cluster
	$(CLUSTER_BIN)/python -m benchmarks.scale $(SCALE)

validate: $(VENV)/dev
	test "$(VIEWFINDER_VALIDATE)" = short || $(MAKE) .venv-aiperf/$(AIPERF) || true  # its row says that it is not there
	$(BIN)/python -m benchmarks.validity $(PROOFS)

glimpse: .venv-train/train
	$(TRAIN_BIN)/python -m training

$(VENV)/base: pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	touch $@

$(VENV)/fuzz: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[fuzz]'
	touch $@

$(VENV)/browser: $(VENV)/dev tests/browser/package-lock.json
	@command -v npm > /dev/null || { echo "npm is not here; on Debian: apt-get install npm"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[browser]'
	npm ci --prefix tests/browser --silent --no-audit --no-fund
	touch $@

.venv-engines/engines: pyproject.toml $(CONSTRAINTS)
	test -x $(ENGINES_BIN)/python || $(PYTHON) -m venv .venv-engines
	$(ENGINES_BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev,mlx,transformers]'
	touch $@

.venv-cluster/cluster: pyproject.toml $(CONSTRAINTS)
	test -x $(CLUSTER_BIN)/python || $(PYTHON) -m venv .venv-cluster
	$(CLUSTER_BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev,cluster]'
	touch $@

.venv-train/train: pyproject.toml $(CONSTRAINTS) training/requirements.txt
	test -x $(TRAIN_BIN)/python || $(PYTHON) -m venv .venv-train
	$(TRAIN_BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e . -r training/requirements.txt
	touch $@

.venv-aiperf/$(AIPERF):
	test -x .venv-aiperf/bin/python || $(PYTHON) -m venv .venv-aiperf
	.venv-aiperf/bin/python -m pip install --quiet --disable-pip-version-check aiperf==$(AIPERF)
	touch $@

.venv-clients/%/ready: tests/clients/requirements/%.txt
	test -x .venv-clients/$*/bin/python || $(PYTHON) -m venv .venv-clients/$*
	.venv-clients/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	sed -n 's/^# Installed without its dependencies: //p' $< | xargs -r .venv-clients/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps
	touch $@

tests/clients/%/node_modules/ready: tests/clients/%/package-lock.json
	@command -v npm > /dev/null || { echo "npm is not here; on Debian: apt-get install npm"; exit 1; }
	npm ci --prefix tests/clients/$* --silent --no-audit --no-fund
	touch $@

clean:
	rm -rf $(VENV) .venv-engines .venv-cluster .venv-train .venv-aiperf .venv-clients tests/*/node_modules tests/clients/*/node_modules
