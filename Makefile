# The commands of the project. `make help` lists them; each one installs what it is missing.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# An arrow between modules that Package.swift does not name is an error, not a warning.
SWIFT_CHECKED := --explicit-target-dependency-import-check error

.PHONY: help
help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2> /dev/null \
	  || sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1   \2/p' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install the Debian packages that are missing, nothing else
	@scripts/deps.sh build test

.PHONY: venv
venv: deps ## Make .venv, the Python environment of the black-box tests
	@scripts/venv.sh

.PHONY: build
build: deps ## Build the programs and the tests (debug)
	swift build --build-tests $(SWIFT_CHECKED)

.PHONY: release
release: deps ## Build the programs as they are shipped
	swift build -c release

.PHONY: demo
demo: venv ## Play the main job against the carrier simulator and print it
	@scripts/programs.sh
	@.venv/bin/python scripts/demo.py

.PHONY: run
run: venv ## Start trunklined and carrier-sim and leave them running for you
	@scripts/programs.sh
	@.venv/bin/python scripts/run.py

.PHONY: test
test: venv ## Build and run every test
	@scripts/test.sh

.PHONY: crash
crash: venv ## Kill servers at every request to a carrier and at 500 random moments, damage files, fill disks
	@scripts/programs.sh
	TRUNKLINE_CRASHES=$${TRUNKLINE_CRASHES:-200} TRUNKLINE_KILLS=$${TRUNKLINE_KILLS:-500} \
	  TRUNKLINE_DAMAGES=$${TRUNKLINE_DAMAGES:-50} TRUNKLINE_FAILOVERS=$${TRUNKLINE_FAILOVERS:-5} \
	  TRUNKLINE_MATRIX=$${TRUNKLINE_MATRIX:-all} \
	  TRUNKLINE_NUMBER_SCHEDULES=$${TRUNKLINE_NUMBER_SCHEDULES:-1000} \
	  .venv/bin/python -m pytest -s Tests/BlackBox/test_crash_matrix.py Tests/BlackBox/test_crash.py \
	  Tests/BlackBox/test_damage.py Tests/BlackBox/test_kill9.py Tests/BlackBox/test_failover.py \
	  Tests/BlackBox/test_number_schedules.py

.PHONY: schedules
schedules: venv ## Play 1000 random schedules of clients at two registries, and kill dispatches
	@scripts/deps.sh build test
	@scripts/programs.sh
	TRUNKLINE_SCHEDULES=$${TRUNKLINE_SCHEDULES:-1000} TRUNKLINE_KILLS=$${TRUNKLINE_KILLS:-50} \
	  .venv/bin/python -m pytest -s Tests/BlackBox/test_schedules.py \
	  Tests/BlackBox/test_shared_database.py

.PHONY: fuzz
fuzz: deps ## Fuzz all that parses bytes from a network, an hour each (SECONDS_EACH=3600)
	@scripts/fuzz.sh $${SECONDS_EACH:-3600}

.PHONY: sanitize
sanitize: venv ## Run the unit tests and the attacks under AddressSanitizer and ThreadSanitizer
	@scripts/sanitize.sh address
	@scripts/sanitize.sh address blackbox
	@scripts/sanitize.sh thread
	@scripts/sanitize.sh thread blackbox

.PHONY: soak
soak: venv ## Ten minutes of every attack at once; a well-behaved client must not notice
	@scripts/deps.sh build test
	swift build -c release --product Bench
	@.venv/bin/python scripts/soak.py

.PHONY: lint
lint: venv ## Check the formatting, the project's own rules and the .proto files
	@scripts/lint.sh

.PHONY: generate
generate: deps ## Write the API again from Protos/, and docs/limits.md from the sources
	@scripts/generate.sh
	@python3 scripts/limits.py

.PHONY: bench
bench: deps ## Measure our server beside C++ gRPC, nghttpd, grpcio and pgbench, and hold it to its thresholds
	@scripts/deps.sh build bench
	@scripts/venv.sh bench
	swift build -c release --product Bench
	swift build -c release --product trunklined
	swift build -c release --product trunkline
	swift build -c release --product carrier-sim
	@.venv/bin/python scripts/bench.py

.PHONY: image
image: ## Build the container image with docker or buildah
	@scripts/image.sh

.PHONY: clean
clean: ## Remove what was built
	rm -rf .build .venv .run
