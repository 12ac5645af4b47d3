# New users need only `make demo` and `make test`; `make help` lists the other targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# The first Python on the PATH that is new enough. To use another one: make PYTHON=/path/to/python.
PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
# The environment of `make demo`.
RUN_VENV := .cache/run-venv
# The environment that `make test` tests the wheel in.
WHEEL_VENV := .cache/wheel-venv
WHEELHOUSE := dist/wheelhouse
OFFLINE := $(WHEEL_VENV)/bin/python -m pip --isolated install --quiet --no-index --find-links $(WHEELHOUSE)

# One more than the smallest machine has cores: many tests wait for another process.
PYTEST_ARGS ?= -n 3
AUDIT_VENV := .cache/audit-venv
COMPAT := .cache/compat
# Parameters of `make soak`.
MINUTES ?= 30
SEED ?= 1
NUMBER ?= 20
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)
REGISTRY_ADDRESS = $(shell sed -n 's/^registry = "\(.*\)"/\1/p' addresses.toml)
IMAGE = $(REGISTRY_ADDRESS)/oifde-exporter
RELEASE := dist/release
IMAGES := dist/image
# Files get the commit's time, so that two builds of one commit have the same bytes.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
# The commit, where the builds cannot ask git.
OIFDE_EXPORTER_REVISION ?= $(shell git describe --always --abbrev=12 --exclude='*' --dirty 2>/dev/null)
HELM = $(or $(shell command -v helm),$(firstword $(wildcard $(CURDIR)/.cache/programs/*/helm/helm)))
# More arguments of `podman build`, such as --build-arg BASE_IMAGE=... and of `podman push` and `helm push`.
PODMAN_BUILD_ARGS ?=
PODMAN_PUSH_ARGS ?=
HELM_PUSH_ARGS ?=
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name does; do \
		printf '  make %-13s %s\n' "$$name" "$$does"; done

.PHONY: demo
demo: $(RUN_VENV)/.ready ## run the exporter against the simulated platform
	$(RUN_VENV)/bin/oifde-exporter demo

# Only what running needs, without the tools of development.
$(RUN_VENV)/.ready: requirements/run.txt requirements/build.txt pyproject.toml setup.py scripts/make-venv
	@echo "Setting up $(RUN_VENV), which takes some seconds."
	scripts/make-venv "$(PYTHON)" $(RUN_VENV)
	$(RUN_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(RUN_VENV)/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: test
# Each test runs once, with the wheel that users install.
test: lint docs-zh-check test-wheel ## run every check

.PHONY: setup
setup: $(VENV)/.ready ## create .venv from the lock and install the project

$(VENV)/.ready: requirements/dev.txt pyproject.toml setup.py scripts/make-venv
	@echo "Setting up $(VENV), which takes a minute or two."
	scripts/make-venv "$(PYTHON)" $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lint
lint: $(VENV)/.ready ## check style, types, the direction of the imports, the Dockerfile and the workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet --no-progress .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.renovate .github/renovate.json
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec examples/compose/compose.yaml

.PHONY: format
format: $(VENV)/.ready ## format the code and apply automatic fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: unit
unit: $(VENV)/.ready ## run the unit tests on the source tree
	$(BIN)/pytest $(PYTEST_ARGS) --ignore tests/integration

.PHONY: programs
programs: $(VENV)/.ready ## install the programs that the integration tests need, if possible
	$(BIN)/python tests/harness/programs.py

.PHONY: integration
integration: $(VENV)/.ready programs ## run the integration tests on the source tree
	$(BIN)/pytest $(PYTEST_ARGS) tests/integration

# MOMENT chooses among the moments by a part of their names.
.PHONY: any-hour
any-hour: $(VENV)/.ready programs ## run the tests at ten moments, such as midnights and clock changes (MOMENT=Shanghai)
	scripts/any-hour "$(MOMENT)" $(PYTEST_ARGS)

# The programs come from Debian's testing release, through this machine's apt.
.PHONY: compat
compat: compat-programs compat-python ## run the tests with newer programs and newer Pythons (Debian, as root)

.PHONY: compat-programs
compat-programs: export PATH := $(CURDIR)/$(COMPAT)/programs/usr/bin:$(PATH)
compat-programs: $(VENV)/.ready programs $(COMPAT)/programs/.ready ## run the tests of rules and programs with Prometheus 3, and VictoriaMetrics
	prometheus --version | head -n 1
	prometheus-alertmanager --version | head -n 1
	$(BIN)/pytest $(PYTEST_ARGS) -o "python_files=test_*.py victoriametrics.py" tests/integration tests/observability

$(COMPAT)/programs/.ready: scripts/fetch-debian
	scripts/fetch-debian forky $(COMPAT)/programs prometheus promtool prometheus-alertmanager victoria-metrics
	@touch $@

# Without the test of the addresses, which needs git.
.PHONY: compat-python
compat-python: export PATH := $(CURDIR)/$(COMPAT)/programs/usr/bin:$(PATH)
compat-python: wheel $(COMPAT)/programs/.ready ## run the unit tests on Python 3.13 and 3.14 (Debian, as root)
	scripts/test-on-python trixie 3.13 $(PYTEST_ARGS) --ignore tests/integration --ignore tests/test_addresses.py
	scripts/test-on-python forky 3.14 $(PYTEST_ARGS) --ignore tests/integration --ignore tests/test_addresses.py

.PHONY: wheel
wheel: export SOURCE_DATE_EPOCH := $(SOURCE_DATE_EPOCH)
wheel: export OIFDE_EXPORTER_REVISION := $(OIFDE_EXPORTER_REVISION)
wheel: $(VENV)/.ready ## build dist/*.tar.gz and from it dist/*.whl
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@ls dist

# For machines without a network. The target installs it at once in an empty environment, without any index.
.PHONY: wheelhouse
wheelhouse: wheel ## fill dist/wheelhouse with everything for an installation without a network
	$(BIN)/python -m pip wheel --quiet --require-hashes --wheel-dir $(WHEELHOUSE) --requirement requirements/run.txt
	cp dist/*.whl requirements/run.txt $(WHEELHOUSE)
	scripts/make-venv $(BIN)/python $(WHEEL_VENV)
	$(OFFLINE) --require-hashes --requirement $(WHEELHOUSE)/run.txt
	$(OFFLINE) --no-deps $(WHEELHOUSE)/oifde_exporter-*.whl
	$(WHEEL_VENV)/bin/python -m pip check
	$(WHEEL_VENV)/bin/python -P scripts/import-all.py

# Behind its own packages the environment finds those of $(VENV), but not that one's link to the source tree. Without the
# versions that came with Python it finds the locked ones of pip and setuptools, too.
.PHONY: test-wheel
test-wheel: wheelhouse programs ## run every test with the installed wheel
	$(WHEEL_VENV)/bin/python -m pip uninstall --quiet --yes pip setuptools
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > .cache/tools.pth
	mv .cache/tools.pth $(WHEEL_VENV)/lib/python*/site-packages
	$(WHEEL_VENV)/bin/python -P -m pytest $(PYTEST_ARGS) --installed

.PHONY: image-test
image-test: wheelhouse ## build the image with podman on a substitute for its base, and run it (Debian-like, as root)
	$(BIN)/python tests/harness/programs.py aardvark-dns alertmanager catatonit debootstrap docker-registry helm iptables netavark \
		podman prometheus runc
	$(BIN)/python -m pip wheel --quiet --require-hashes --wheel-dir $(WHEELHOUSE) --requirement requirements/build.txt
	$(BIN)/pytest -o timeout=900 tests/image/image.py

.PHONY: image
image: ## build the image for this machine's processor in dist/image (needs podman)
	mkdir -p $(IMAGES)
	podman build --format docker --timestamp $(SOURCE_DATE_EPOCH) --tag $(IMAGE):$(VERSION) \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$(OIFDE_EXPORTER_REVISION) \
		--build-arg CREATED=$$(date --utc --iso-8601=seconds --date=@$(SOURCE_DATE_EPOCH)) $(PODMAN_BUILD_ARGS) .
	podman save --format docker-archive --output $(IMAGES)/$$(uname --machine).tar $(IMAGE):$(VERSION)

.PHONY: release-check
release-check: $(VENV)/.ready ## check that a tag can be published (TAG=v1.2.3)
	$(BIN)/python scripts/release.py check $(TAG)

# The list of packages is that of an environment with the wheel alone, as in the image.
.PHONY: release-files
release-files: export SOURCE_DATE_EPOCH := $(SOURCE_DATE_EPOCH)
release-files: wheelhouse ## build the package, the chart, the list of packages (SBOM) and the notes in dist/release
	$(BIN)/python tests/harness/programs.py helm
	mkdir -p $(RELEASE)/package
	cp dist/*.whl dist/*.tar.gz $(RELEASE)/package
	cp requirements/run.txt $(RELEASE)
	$(BIN)/python -m venv --clear --without-pip .cache/sbom-venv
	$(BIN)/python -m pip --python .cache/sbom-venv install --quiet --no-index --find-links $(WHEELHOUSE) oifde-exporter
	$(BIN)/cyclonedx-py environment --output-reproducible --output-file $(RELEASE)/sbom.cdx.json .cache/sbom-venv
	rm -rf .cache/chart && mkdir -p .cache/chart && cp -r helm/oifde-exporter .cache/chart
	find .cache/chart -exec touch --date=@$(SOURCE_DATE_EPOCH) {} +
	$(HELM) package --destination $(RELEASE) .cache/chart/oifde-exporter
	$(BIN)/python scripts/release.py notes > $(RELEASE)/notes.md
	cd $(RELEASE) && sha256sum package/* *.txt *.json *.tgz > SHA256SUMS

.PHONY: release-candidate
release-candidate: release-files image site ## build all that a release publishes in dist, and publish nothing

# The targets below publish. Those with a digest write it to their output, for .github/workflows/release.yml.
.PHONY: registry-login
registry-login:
	@printenv REGISTRY_PASSWORD | docker login --username "$$REGISTRY_USER" --password-stdin \
		$(firstword $(subst /, ,$(REGISTRY_ADDRESS)))

.PHONY: publish-image
publish-image:
	podman manifest rm localhost/release >&2 || true
	podman manifest create localhost/release >&2
	for archive in $(IMAGES)/*.tar; do podman manifest add localhost/release docker-archive:$$archive >&2 || exit; done
	podman manifest push --all --format v2s2 --digestfile $(IMAGES)/digest $(PODMAN_PUSH_ARGS) \
		localhost/release docker://$(IMAGE):$(VERSION) >&2
	echo "name=$(IMAGE)"
	echo "digest=$$(cat $(IMAGES)/digest)"

.PHONY: publish-chart
publish-chart:
	$(HELM) push $(RELEASE)/oifde-exporter-*.tgz oci://$(REGISTRY_ADDRESS)/charts $(HELM_PUSH_ARGS) > $(RELEASE)/pushed 2>&1
	echo "name=$(REGISTRY_ADDRESS)/charts/oifde-exporter"
	sed -n 's/^Digest: /digest=/p' $(RELEASE)/pushed

.PHONY: publish-notes
publish-notes:
	cd $(RELEASE) && gh release create v$(VERSION) --verify-tag --title v$(VERSION) --notes-file notes.md \
		package/* *.txt *.json *.tgz SHA256SUMS

.PHONY: publish-site
publish-site: export NO_MKDOCS_2_WARNING := 1
publish-site: export PATH := $(CURDIR)/$(BIN):$(PATH)
publish-site: export GIT_COMMITTER_NAME := oifde-exporter
publish-site: export GIT_COMMITTER_EMAIL := $(shell sed -n 's/^contact = "\(.*\)"/\1/p' addresses.toml)
publish-site: $(VENV)/.ready
	mike deploy --push --update-aliases $(VERSION) latest
	mike set-default --push latest

# Not part of `make test`, because the database is on the network. A package that cannot be looked up is a failure too.
.PHONY: audit
audit: $(VENV)/.ready ## check the locked packages against a public vulnerability database
	scripts/make-venv $(BIN)/python $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/audit.txt
	$(AUDIT_VENV)/bin/pip-audit --strict --disable-pip --require-hashes $(foreach lock,run build dev audit,-r requirements/$(lock).txt)

.PHONY: soak
soak: $(VENV)/.ready ## run with unreliable platforms and check everything that is served (MINUTES=30 SEED=1)
	$(BIN)/python tests/harness/programs.py prometheus
	PYTHONPATH=tests $(BIN)/python -m lab.soak --minutes $(MINUTES) --seed $(SEED)

# Takes half an hour on an idle machine with two cores or more.
.PHONY: bench
bench: $(VENV)/.ready ## measure speed and cost, and write the results to docs/performance.md
	$(BIN)/python tests/harness/programs.py client_golang go prometheus
	$(BIN)/python -m lab.bench --write docs/performance.md

# Takes some minutes.
.PHONY: alert-quality
alert-quality: $(VENV)/.ready ## measure the alerts, and write the results to docs/alerts.md (DATA=folder: on real traffic, too)
	$(BIN)/python -m lab.quality $(if $(DATA),--data $(DATA)) --write docs/alerts.md

# Takes half an hour.
.PHONY: mutants
mutants: $(VENV)/.ready ## change the core at random, and write to docs/mutation.md what the tests notice (SEED=1 NUMBER=20)
	$(BIN)/python -m lab.mutants --seed $(SEED) --number $(NUMBER) --write docs/mutation.md

# Takes some minutes, and needs Prometheus and Chromium. The demo's Chinese names need Debian's fonts-noto-cjk.
.PHONY: pictures
pictures: $(VENV)/.ready ## draw the pictures of the status page and the dashboards again
	$(BIN)/python tests/harness/programs.py prometheus chromium grafana
	PYTHONPATH=tests $(BIN)/python scripts/screenshots.py docs/images
	PYTHONPATH=tests $(BIN)/python -m grafana docs/images

# Each file is written elsewhere first, so that a failure leaves the old one.
.PHONY: docs
docs: $(VENV)/.ready ## generate the generated pages, dashboards and schemas again
	@mkdir -p .cache
	$(BIN)/python -m observability.chinese_rules
	cp -r observability/rules helm/oifde-exporter/
	$(BIN)/python -m observability.dashboards
	$(BIN)/python scripts/metrics-reference.py > .cache/generated && cp .cache/generated docs/metrics.md
	$(BIN)/python -m exporter.config > .cache/generated && cp .cache/generated exporter/config/config.schema.json
	$(BIN)/python scripts/chart-schema.py helm/oifde-exporter > .cache/generated && cp .cache/generated helm/oifde-exporter/values.schema.json
	$(BIN)/python scripts/list-dependencies.py > .cache/generated && cp .cache/generated docs/dependencies.md
	$(BIN)/python scripts/chart-readme.py helm/oifde-exporter > .cache/generated && cp .cache/generated helm/oifde-exporter/README.md

# `make test` builds it too, and checks every link.
.PHONY: site
site: export NO_MKDOCS_2_WARNING := 1
site: $(VENV)/.ready ## build the documentation's site in dist/site
	$(BIN)/mkdocs build

.PHONY: docs-zh-check
docs-zh-check: $(VENV)/.ready ## list the Chinese pages whose English page has changed
	$(BIN)/python scripts/chinese-docs.py

.PHONY: addresses
addresses: $(VENV)/.ready ## set the addresses of the published project in every file (see addresses.toml)
	$(BIN)/python scripts/set-addresses.py site=$(SITE) repository=$(REPOSITORY) registry=$(REGISTRY) contact=$(CONTACT)

.PHONY: lock
lock: $(VENV)/.ready ## resolve the dependencies again, in their newest versions
	$(COMPILE) --upgrade --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --upgrade --output-file requirements/dev.txt requirements/dev.in
	$(COMPILE) --upgrade --only-build-deps --build-deps-for wheel --constraint requirements/dev.txt \
		--output-file requirements/build.txt pyproject.toml
	$(COMPILE) --upgrade --output-file requirements/audit.txt requirements/audit.in

.PHONY: clean
clean: ## remove everything that make created
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
