# Anneal. `make` without a target lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY ?= PASSIVE
export ANNEAL_HOME ?= $(CURDIR)/.anneal
unexport PYTHONDONTWRITEBYTECODE # each process that tests start would compile all modules again

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/' | expand -t 20

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Anneal needs Python 3.11 or newer; set PYTHON=python3.11")'
	@echo "Installing into $(VENV) (about 700 MB to download with a CPU build of torch, 5 GB with the CUDA build) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[engine,ray,amqp,mongo,s3,otel,dev]"
	@touch $@

.PHONY: install
install: $(BIN)/.installed ## create .venv with the platform, engines and tools

MODELS ?= $(CURDIR)/.models
$(MODELS)/smollm2: $(BIN)/.installed
	@for attempt in 1 2 3; do $(BIN)/python -m tests.support.smollm2 $@ && break; echo "attempt $$attempt failed" >&2; sleep 5; done
	@test -e $@

.PHONY: demo
demo: install $(if $(MODEL),$(MODELS)/$(MODEL)) ## run the whole workflow: upload, train, evaluate, export, chat (MODEL=smollm2)
	$(BIN)/anneal demo $(if $(MODEL),--base $(MODELS)/$(MODEL))

.PHONY: up
up: install ## start the platform on this machine, in $ANNEAL_HOME
	$(BIN)/anneal up

.PHONY: test
test: install ## run the tests that need only Python (under 8 minutes)
	@# One thread each: with two, small models take 1.6 times the CPU time, and longer where processes share the cores.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations=10 $(PYTEST_ARGS)

WORKFLOWS := $(patsubst %,tests/workflows/test_%.py,alias_kills aliases restart tools trace)

.PHONY: test-workflows
test-workflows: install ## run the longest workflows: kills and restarts, a trace, tool calls, an alias with its gate (3 minutes)
	$(BIN)/python -m pytest $(WORKFLOWS) --durations=5

.PHONY: coverage
coverage: ## run `make test` with coverage (2 minutes more)
	$(MAKE) test PYTEST_ARGS="--cov=services --cov=shared --cov-report=term:skip-covered"

.PHONY: test-models
test-models: install $(MODELS)/smollm2 .venv-llama-cpp/.installed .venv-lm-eval/.installed ## run SmolLM2 through the workflow, and compare model families with transformers (10 minutes)
	ANNEAL_TEST_MODELS=1 ANNEAL_SMOLLM2=$(MODELS)/smollm2 ANNEAL_LLAMA_CPP_PYTHON=$(CURDIR)/.venv-llama-cpp/bin/python ANNEAL_LM_EVAL_PYTHON=$(CURDIR)/.venv-lm-eval/bin/python $(BIN)/python -m pytest tests/models --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations=10

.PHONY: test-security
test-security: install ## attack the platform: hostile input, every route with every credential, generated calls, damaged files (6 minutes)
	ANNEAL_TEST_SECURITY=1 $(BIN)/python -m pytest tests/security --durations=5

SERVERS := $(or $(ANNEAL_SERVERS_VENV),.venv-servers)
export ANNEAL_SERVERS_VENV := $(abspath $(SERVERS))

$(SERVERS)/.installed: requirements/servers.txt
	@test -x $(SERVERS)/bin/python || $(PYTHON) -m venv $(SERVERS)
	@for attempt in 1 2 3; do \
	  $(SERVERS)/bin/python -m pip install --quiet --requirement requirements/servers.txt && touch $@ && break; \
	  echo "attempt $$attempt failed" >&2; sleep 5; \
	done; true

.PHONY: .venv-servers
.venv-servers: $(SERVERS)/.installed

.PHONY: test-servers
test-servers: install $(SERVERS)/.installed ## run the contract suites on RabbitMQ, MongoDB and S3 (or their substitutes), with counts per adapter
	$(BIN)/python -m tests.support.servers pytest tests/contracts tests/components/training/test_base_models.py

.PHONY: test-cluster
test-cluster: install $(SERVERS)/.installed ## run workflow and chaos tests on a local cluster with two replicas per service (about 8 minutes)
	$(BIN)/python -m pytest tests/workflows/test_workflow.py tests/chaos --platform cluster

.PHONY: chaos
chaos: install $(SERVERS)/.installed ## inject faults into a local cluster, then check its invariants (MINUTES=1 SEED=7)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),1) --seed $(or $(SEED),7)

.PHONY: test-observability
test-observability: install $(SERVERS)/.installed ## check every dashboard panel, alert and trace on a real Prometheus (3 minutes)
	$(BIN)/python -m pytest tests/observability --platform cluster

.PHONY: test-gpu
test-gpu: install ## run the engines on a CUDA device: right numbers, memory, kernels (10 minutes; skipped without a GPU)
	ANNEAL_TEST_GPU=1 $(BIN)/python -m pytest tests/gpu -v

GPU_PYTHON ?= 3.12
.PHONY: gpu-wheels
gpu-wheels: install ## download into .gpu-wheels what benchmarks/gpu.py needs on a machine without a network (GPU_PYTHON=3.12)
	$(BIN)/python -m pip download --quiet --no-deps --only-binary=:all: --python-version $(GPU_PYTHON) --implementation cp \
	  --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --dest .gpu-wheels --requirement requirements/gpu-wheels.txt

VLLM_ON_CPU = VLLM_CPU_KVCACHE_SPACE=1 ANNEAL_VLLM_COMMAND="$${ANNEAL_VLLM_COMMAND:-$(CURDIR)/.venv-vllm/bin/python -m vllm.entrypoints.openai.api_server \
  --dtype float32 --enforce-eager --max-num-seqs 16 --gpu-memory-utilization 0.2}"

.venv-vllm/.installed: requirements/vllm-cpu.txt
	@test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	@for attempt in 1 2 3; do requirements/vllm-cpu .venv-vllm && touch $@ && break; echo "attempt $$attempt failed" >&2; sleep 5; done
	@test -e $@

.PHONY: vllm
vllm: .venv-vllm/.installed ## create .venv-vllm with vLLM for CPUs (about 5 minutes, 2.3 GB)

.PHONY: test-vllm
test-vllm: install ## run vLLM on the CPU behind the inference service (after `make vllm`; about 5 minutes)
	@$(VLLM_ON_CPU) $(BIN)/python -m pytest tests/vllm -v

LLAMA_CPP := .venv-llama-cpp
export ANNEAL_LLAMA_CPP_PYTHON ?= $(wildcard $(CURDIR)/$(LLAMA_CPP)/bin/python)

$(LLAMA_CPP)/.installed: requirements/llama-cpp.txt
	@test -x $(LLAMA_CPP)/bin/python || $(PYTHON) -m venv $(LLAMA_CPP)
	@for attempt in 1 2 3; do \
	  $(LLAMA_CPP)/bin/python -m pip install --quiet --requirement requirements/llama-cpp.txt && touch $@ && break; \
	  echo "attempt $$attempt failed" >&2; sleep 5; \
	done; test -e $@

.PHONY: llama-cpp
llama-cpp: $(LLAMA_CPP)/.installed ## create .venv-llama-cpp, which verifies GGUF exports (34 MB to download)

.venv-lm-eval/.installed: requirements/lm-eval.txt
	@test -x .venv-lm-eval/bin/python || $(PYTHON) -m venv .venv-lm-eval
	@for attempt in 1 2 3; do \
	  .venv-lm-eval/bin/python -m pip install --quiet --requirement requirements/lm-eval.txt && touch $@ && break; \
	  echo "attempt $$attempt failed" >&2; sleep 5; \
	done; test -e $@

.PHONY: lm-eval
lm-eval: .venv-lm-eval/.installed ## create .venv-lm-eval with EleutherAI's evaluation harness, for tasks of your own

.venv-mutants/.installed: requirements/mutants.txt
	$(BIN)/python -m pip install --quiet --target .venv-mutants --requirement requirements/mutants.txt
	@touch $@

.PHONY: mutants
mutants: install .venv-mutants/.installed ## run mutation tests of the modules that matter, one process, hours (MODULES="loss leases" LIMIT=60)
	nice -n 10 $(BIN)/python -m tools.mutants $(MODULES) --limit $(or $(LIMIT),60)

.PHONY: test-scale
test-scale: install ## run distributed training (DDP, FSDP2, torchrun, a two-node Ray cluster) and the GPU lane on a CPU (about 5 minutes)
	ANNEAL_TEST_SCALE=1 $(BIN)/python -m pytest tests/scale --durations=5

.PHONY: web
web: ## rebuild the browser app (needs Node 20.19 or newer)
	cd services/gateway/web && npm ci --no-audit --no-fund --fetch-retries 5 && npm run build

.PHONY: check-web
check-web: web ## run the unit tests of the browser app, and check that the committed build matches its source
	git diff --exit-code --stat -- services/gateway/web/dist
	test -z "$$(git status --porcelain -- services/gateway/web/dist)"
	cd services/gateway/web && npm test

.PHONY: test-browser
test-browser: install ## test the browser app with Chromium against a real platform (after `make web`; about 5 minutes)
	cd services/gateway/web && npm run e2e

.PHONY: test-web
test-web: check-web test-browser ## build the browser app, and run all its tests (about 6 minutes)

.PHONY: up-distributed
up-distributed: install $(SERVERS)/.installed ## start servers and six services as processes, without containers (REPLICAS=1)
	$(BIN)/python -m deploy.local_cluster --replicas $(or $(REPLICAS),1)

.PHONY: env
env: ## create .env with the secrets for docker-compose.yml and deploy/k8s
	@$(PYTHON) -m deploy.env

.venv-deploy/.installed: requirements/deploy.txt
	@test -x .venv-deploy/bin/python || $(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --requirement requirements/deploy.txt
	@touch $@

.venv-docs/.installed: requirements/docs.txt
	@test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --requirement requirements/docs.txt
	@touch $@

.PHONY: docs
docs: .venv-docs/.installed ## build the documentation as a site in site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --clean

.PHONY: check-deploy
check-deploy: .venv-deploy/.installed ## check Dockerfile, Compose file and manifests, without a container engine (200 MB to download)
	deploy/check .venv-deploy/bin

.venv-audit/.installed: requirements/audit.txt
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --requirement requirements/audit.txt
	@touch $@

.PHONY: audit
audit: install .venv-audit/.installed ## look up known vulnerabilities of all Python and npm packages (needs pypi.org and registry.npmjs.org)
	@.venv-audit/bin/pip-audit --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" --skip-editable --strict \
	  || { echo "NOT AUDITED or vulnerable, see above: pip-audit needs https://pypi.org/pypi/NAME/VERSION/json" >&2; exit 1; }
	@cd services/gateway/web && npm audit --audit=true --package-lock-only \
	  || { echo "NOT AUDITED or vulnerable, see above: npm audit needs https://registry.npmjs.org" >&2; exit 1; }

.PHONY: sbom
sbom: install .venv-audit/.installed ## write CycloneDX bills of materials of the Python environment and the browser app to sbom/
	@mkdir -p sbom
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible --output-file sbom/python.cdx.json
	cd services/gateway/web && npm sbom --sbom-format cyclonedx --package-lock-only > $(CURDIR)/sbom/web.cdx.json

.PHONY: lint
lint: install ## check style, types, import rules and generated references (under a minute)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m deploy.reference --check
	$(BIN)/python -m tests.support.data_cases --check
	$(BIN)/python -m tests.support.zoo --check
	$(BIN)/python -m tests.security --check

.PHONY: check
check: lint ## run lint and unit tests (under 3 minutes)
	$(BIN)/python -m pytest tests/unit -q

.PHONY: format
format: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: reference
reference: install ## write the generated references: OpenAPI, AsyncAPI, metrics, documents, dataset layouts, data cases, chat templates
	$(BIN)/python -m deploy.reference
	$(BIN)/python -m tests.support.data_cases
	$(BIN)/python -m tests.support.template_oracle
	$(BIN)/python -m tests.support.zoo
	$(BIN)/python -m tests.security

.PHONY: seedling
seedling: install ## retrain the bundled base model (see services/training/seedling/README.md)
	$(BIN)/python -m tools.seedling --out services/training/seedling

.PHONY: clean
clean: ## remove caches and virtual environments; data in $ANNEAL_HOME stays
	rm -rf $(VENV) .venv-servers .venv-deploy .venv-vllm .venv-llama-cpp .venv-audit sbom .pytest_cache .mypy_cache .ruff_cache dist .coverage*
