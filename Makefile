# `make run` takes a bare Debian 12 with Swift to a running service; `make help` lists the rest.

# Whether a terminal is attached must not change the compiler's command line: that would build everything anew.
CHECKED := --explicit-target-dependency-import-check error --no-color-diagnostics
RELEASE := swift build -c release $(CHECKED)
SUITES ?=
FILTER := $(if $(SUITES),--filter $(SUITES))

ROUNDS ?= 200
SEED ?=

SECONDS_EACH ?= 30
COUNT ?= 10000

.PHONY: help setup build run test crash mutations fuzz bench lint format asan clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: ## install the system libraries, fetch the inference runtime and the model
	@scripts/setup

build: setup ## build the release
	@$(RELEASE) --product portcullis
	@$(RELEASE) --product portcullis-worker

run: build ## start the service with a demo organization; Ctrl-C ends it
	@scripts/run-demo

test: setup ## run every test; SUITES=Regex runs only those that match
	@scripts/install-clients
	@swift build --build-tests $(CHECKED)
	@swift test --skip-build --disable-xctest --quiet $(FILTER)

crash: build ## kill the service in the middle of a storm of requests, again and again; ROUNDS=200, SEED=N
	@scripts/crash-test --program .build/release/portcullis --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

mutations: build ## send damaged files to a service and look whether anything breaks; COUNT=10000, SEED=N
	@scripts/mutate-fixtures --program .build/release/portcullis --count $(COUNT) $(if $(SEED),--seed $(SEED))

fuzz: setup ## give each decoder and parser to libFuzzer for a while; SECONDS_EACH=30
	@scripts/fuzz --seconds $(SECONDS_EACH)

bench: build ## measure durability, lists, hostile files, and the service beside what would be written instead
	@$(RELEASE) --product LoadGenerator
	@$(RELEASE) --product FaultInjection
	@$(RELEASE) --product HostileWorker
	@scripts/bench-durability --program .build/release/portcullis
	@scripts/bench-lists
	@scripts/bench-isolation
	@scripts/bench-verdicts
	@scripts/bench-peer
	@scripts/bench-growth

lint: ## check formatting and scripts
	@scripts/lint

format: ## format the sources
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

asan: setup ## run every test under AddressSanitizer
	@scripts/install-clients
	@scripts/test-sanitized $(FILTER)

clean: ## remove what was built; data/ and models/ stay
	@rm -rf .build .build-asan .build-fuzz
