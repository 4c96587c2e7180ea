# Every verb installs what it needs and is safe to repeat. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run stop install uninstall image verify-image sbom release-check release-build release-test \
	release-push release-index release-tag release-sign release-chart verify-release surface upgrade upgrade-propose seccomp seccomp-record \
	pending test soak fuzz check bench scale lock docs docs-picture clean
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?= 4000
# Asked once, and only by the verbs that need it.
engine = $$(sh docker/base/engine.sh)
# Another project and file of secrets give a second quickstart beside the first.
PROJECT ?= slipway-quickstart
STATE ?= .run/env
PREFIX ?= /opt/slipway
export DESTDIR
# postgres:17 is the official image; without one ours is built.
export POSTGRES_IMAGE PATCHES
ifneq ($(filter-out observability,$(WITH)),)
$(error WITH=$(WITH) cannot be used; there is WITH=observability)
endif
quickstart = engine=$(engine) && compose=$$(sh docker/compose/tool.sh "$$engine") && \
	GATEWAY_IMAGE="slipway:$${TAG:-dev}" $(PYTHON) docker/compose/run.py --engine "$$engine" --compose "$$compose" \
	--project "$(PROJECT)" --state "$(STATE)"

help: ## List the verbs
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

run: ## Start gateway and database, print URL and key (PORT=4000 PROJECT=NAME STATE=FILE WITH=observability)
	@sh docker/build.sh full $(if $(POSTGRES_IMAGE),,postgres-17) $(if $(WITH),$(if $(PROMETHEUS_IMAGE),,prometheus))
	@$(quickstart) up --port $(PORT) $(if $(WITH),--with $(WITH))

stop: ## Stop them (PROJECT STATE as for run); data and secrets are kept
	@$(quickstart) down

install: ## Put the image's files on this machine, for systemd (PREFIX=/opt/slipway DESTDIR=)
	@sh docker/build.sh full
	@sh docker/systemd/install.sh "$(PREFIX)"

uninstall: ## Remove them (PREFIX); configuration, secrets and data are kept
	@sh docker/systemd/install.sh --remove "$(PREFIX)"

image: ## Build slipway:dev, slipway:dev-slim and slipway:dev-builder
	@sh docker/build.sh full slim builder

verify-image: ## Rebuild an image from its commit and compare them bit for bit (IMAGE=slipway:dev)
	@engine=$(engine) && PYTHONPATH=docker/base $(PYTHON) docker/release/verify.py "$(or $(IMAGE),slipway:dev)" --engine "$$engine"

sbom: .venv/done ## Write what is in an image: SBOMs, licences, and advisories that do not apply (IMAGE=slipway:dev FOLDER=sbom)
	@engine=$(engine) && PYTHONPATH=docker/base:docker/release .venv/bin/python -m sbom \
		"$(or $(IMAGE),slipway:dev)" "$(or $(FOLDER),sbom)" --engine "$$engine"

# One folder for each architecture; all of a release in FOLDERS.
release_folder = $(or $(FOLDER),dist)
release_folders = $(or $(FOLDERS),$(release_folder))
publish = PYTHONPATH=docker/base:docker/release .venv/bin/python -m publish
signer = $(if $(KEY),--key "$(KEY)")

release-check: .venv/done ## Refuse a tag unless package and chart say the same version (TAG=v1.2.3)
	@$(publish) check "$(TAG)"

release-build: .venv/done ## Build a release, its SBOMs, provenance and Debian packages (VERSION=1.2.3 FOLDER=dist TARGETS=full)
	@engine=$(engine) && $(publish) build "$(VERSION)" "$(release_folder)" --engine "$$engine" \
		$(if $(TARGETS),--targets $(TARGETS))

release-test: .venv/done ## Run the tests on what was built for a release (FOLDER=dist TESTS=tests)
	@engine=$(engine) && $(publish) load "$(release_folder)" release --engine "$$engine"
	@TAG=release sh docker/build.sh prisma previous next $(COMPANIONS)
	@SLIPWAY_TEST_IMAGE=slipway:release .venv/bin/pytest -n 3 --dist loadscope --no-loadscope-reorder $(TESTS)

release-push: .venv/done ## Push what was built by its digests, under no tag (FOLDER=dist REPOSITORY=ghcr.io/OWNER/slipway)
	@$(publish) push "$(release_folder)" "$(REPOSITORY)"

release-index: .venv/done ## Push the index over all architectures, under no tag (FOLDERS="dist dist-arm64" REPOSITORY)
	@$(publish) index "$(REPOSITORY)" $(release_folders)

release-tag: .venv/done ## Put the release's tag on it, once it is signed (VERSION FOLDERS REPOSITORY)
	@$(publish) tag "$(REPOSITORY)" $(release_folders) --version "$(VERSION)"

release-sign: .venv/done ## Sign it and attach SBOMs and provenance (FOLDERS REPOSITORY, KEY=FILE or the workflow's identity)
	@$(publish) sign "$(REPOSITORY)" $(release_folders) $(signer)

release-chart: .venv/done ## Push the chart when its version is new (REPOSITORY=ghcr.io/OWNER/charts/slipway, KEY as above)
	@$(publish) chart "$(REPOSITORY)" $(signer)

verify-release: .venv/done ## Verify an image in a registry (IMAGE=NAME:TAG, KEY=FILE or IDENTITY=URL ISSUER=URL)
	@$(publish) verify "$(IMAGE)" $(signer) $(if $(IDENTITY),--identity "$(IDENTITY)" --issuer "$(ISSUER)")

# What tests run beside the gateway.
COMPANIONS = postgres-17 postgres-15 pgbouncer haproxy redis prometheus registry systemd

test: check ## Run everything that CI runs
	@sh docker/build.sh full slim builder prisma previous next $(COMPANIONS)
	@.venv/bin/pytest -n 3 --dist loadscope --no-loadscope-reorder

soak: .venv/done ## Run the long forms of tests, two hours and more: kills, restarts, outages, recycling, half an hour of load
	@sh docker/build.sh full postgres-17 haproxy redis prometheus
	@SLIPWAY_SOAK=on .venv/bin/pytest tests/database tests/prisma tests/image/test_leaks.py -k "killed or outage or interrupt or salt_rotation or leaks"
	@SLIPWAY_SOAK=on .venv/bin/pytest -rP tests/scenarios --deselect tests/scenarios/test_scenarios.py

fuzz: .venv/done ## Try 100,000 inputs of any kind on the checks, half an hour and more (EXAMPLES=NUMBER)
	@SLIPWAY_FUZZ_EXAMPLES=$(or $(EXAMPLES),100000) .venv/bin/pytest tests/unit/test_properties.py

test-%: .venv/done ## Run one folder of tests/, such as test-unit (test-image needs `make image`)
	@.venv/bin/pytest tests/$*

check: .venv/done ## Lint and type-check
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@git ls-files -z -- '*.sh' .ci/run docker/systemd/slipway | xargs -0 .venv/bin/shellcheck
	@.venv/bin/hadolint Dockerfile docker/*/Dockerfile tests/engine/Dockerfile
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv/bin/zizmor --offline --quiet --persona pedantic --min-severity low .github/workflows

bench: .venv/done ## Measure against LiteLLM's own command in the same image (ROW=name for one row)
	@command -v wrk >/dev/null || { apt-get update -q && apt-get install -q -y wrk; } >&2
	@sh docker/build.sh full slim postgres-17
	@.venv/bin/python -m bench $(ROW)

scale: .venv/done ## Measure what 1, 2, 4 and 8 replicas cost, a quarter of an hour, and renew docs/capacity.md
	@sh docker/build.sh full postgres-17 redis
	@.venv/bin/python -m bench.scale
	@.venv/bin/python docs/capacity.py

docs: .venv/done ## Renew what is generated: tables in README.md, the chart's schema, Grafana dashboards
	@.venv/bin/python docs/variables.py
	@.venv/bin/python docs/chart.py
	@.venv/bin/python docs/capacity.py
	@.venv/bin/python docker/observability/dashboards.py

docs-picture: .venv/done ## Draw the dashboard in README.md from the Prometheus of a test
	@sh docker/build.sh full postgres-17 prometheus
	@SLIPWAY_PICTURE=$(CURDIR)/docs/gateway.png .venv/bin/pytest tests/scenarios/test_observability.py

surface: .venv/done ## Count what there is to attack in an image, of whatever maker (IMAGE=slipway:dev)
	@engine=$(engine) && .venv/bin/python docker/release/surface.py "$(or $(IMAGE),slipway:dev)" --engine "$$engine"

seccomp: .venv/done ## Make the seccomp filter and profile of docker/seccomp/calls.toml
	@.venv/bin/python docker/seccomp/seccomp_profile.py

seccomp-record: .venv/done ## Compare it with what gateways call on this machine until Ctrl-C, as root with bpftrace
	@.venv/bin/python docker/seccomp/record.py

upgrade: .venv/done ## Move to another LiteLLM, with a report (LITELLM=1.2.3 or newest, ONLY=report, ROWS="rows of bench")
	@engine=$(engine) && PYTHONPATH=docker/base:docker/release .venv/bin/python -m upgrade "$(LITELLM)" --engine "$$engine" \
		$(if $(ONLY),--only $(ONLY)) $(if $(ROWS),--rows $(ROWS))

upgrade-propose: ## Open a pull request with what make upgrade has changed and its report (needs gh)
	@sh docker/release/upgrade/propose.sh

pending: .venv/done ## Say what Debian, PyPI and npm have that is newer than the locks and that they could take
	@PYTHONPATH=docker/base .venv/bin/python docker/release/pending.py

lock: .venv/done ## Renew every lock file: Debian packages, wheels, tools (PATCHES=1: patch releases of wheels only)
	@sh requirements/lock.sh
	@$(PYTHON) docker/base/lock.py

clean: ## Remove what these verbs made, except images
	@rm -rf .venv .venv-compose .venv-kubernetes .hypothesis .mypy_cache .ruff_cache .pytest_cache

.venv/done: requirements/dev.txt
	@sh requirements/venv.sh
	@touch $@
