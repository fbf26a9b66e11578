# Everything is built, tested and measured from here.
#
#   make build    bin/coracle for this machine (or GOARCH=…)
#   make demo     build, and run a container from the built-in image
#   make test     install what the tests need, then lint, cross-build and test
#
# One program file ships: coracle embeds coracle-engine (images, layers) and
# coracle-init (a tiny pid 1), and the engine embeds the base image. For another
# architecture the embedded files are exchanged by go's -overlay option, so the
# work tree always holds this machine's.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
HOST    := $(shell $(GO) env GOHOSTARCH)
GOARCH  ?= $(HOST)
export CGO_ENABLED := 0

# Pinned: a linter that changes by itself makes yesterday's commit fail.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.5.0

TAGS    := $(shell cat storage/engine/BUILD_TAGS)
GOBUILD := $(GO) build -trimpath -buildvcs=false -ldflags "-s -w"
CACHE   := bin/.cache/$(GOARCH)
BUNDLE  := storage/internal/bundle/files
BASE    := storage/engine/baseimage/files/base.oci.tar
ifeq ($(GOARCH),$(HOST))
  OUT := bin/coracle
else
  OUT := bin/coracle-linux-$(GOARCH)
endif

.PHONY: all build cross base engine demo test test-setup check lint vet staticcheck \
  govulncheck unit crash transfer fuzz test-vm test-arm64 bench bench-storage bench-net install clean
all: build

# Each step is incremental: go build finds out by itself what changed, and files
# are put in their place only when they differ. A second make takes seconds.
build: export GOARCH := $(GOARCH)
build:
	.ci/build

cross:
	$(MAKE) --no-print-directory build GOARCH=amd64
	$(MAKE) --no-print-directory build GOARCH=arm64

demo: build
	.ci/demo bin/coracle

test: test-setup check cross
	$(MAKE) --no-print-directory unit
#	$(MAKE) --no-print-directory test-vm VM_TESTS='$(VM_PART)'

test-setup:
	.ci/setup

# check is every test of the source that runs nothing of it.
check: vet staticcheck
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	  [ -z "$$out" ] || { echo "gofmt -w needed: $$out" >&2; exit 1; }

lint: check govulncheck
	@if command -v golangci-lint >/dev/null; then golangci-lint run --build-tags '$(TAGS)'; \
	  else echo "skipped: golangci-lint (not installed; its walls are also tested by cmd/coracle/walls_test.go)"; fi

vet:
	$(GO) vet -tags '$(TAGS)' ./... ./.ci/summary

staticcheck:
	$(GO) run $(STATICCHECK) -tags '$(TAGS)' ./... ./.ci/summary

# The list of known vulnerabilities is fetched from the network, which is not
# everywhere: then this says so and passes.
govulncheck:
	@out=$$($(GO) run $(GOVULNCHECK) -tags '$(TAGS)' ./... 2>&1) && { echo "$$out"; exit 0; }; \
	  if grep -qE 'fetching vulnerabilities|no such host|dial tcp|403 Forbidden' <<<"$$out"; then \
	    echo "skipped: govulncheck (its database is out of reach: $$(grep -m1 -E 'fetching|dial|403' <<<"$$out"))"; \
	  else echo "$$out"; exit 1; fi

# -count=1: the tests look at the machine, which go's cache does not see.
unit: export CORACLE_BIN := $(CURDIR)/bin/coracle
unit: build
	$(GO) test -json -count=1 -timeout 40m -tags '$(TAGS)' ./... ./.ci/summary | $(GO) run ./.ci/summary -allowed .ci/skips.allowed

# Kills pull, load, commit, run, rm, rmi and prune before every system call with
# which they change something, and has 20 processes use one store for a minute.
# Takes half an hour; make test does a part of it.
crash: build
	CORACLE_BIN=$(CURDIR)/bin/coracle CORACLE_CRASH=all $(GO) test -count=1 -timeout 3h -v -run '^Test(Crash|Concurrent|FullDisk)' ./cmd/coracle

# Moves 10 GB through the network stack, each way over IPv4 and IPv6, and compares
# checksums; make test does the same with less. Takes some minutes.
transfer:
	CORACLE_TRANSFER=10000000000 $(GO) test -count=1 -timeout 2h -v -run '^TestTransfers$$' ./slirp/stack

# What only a real systemd session shows, on an emulated machine; the first run
# builds it, as root. VM_TESTS is a pattern for NAME/USER of tests, all by default:
# see .ci/vm/tests/README. VM_PART is what make test has time for.
VM_TESTS ?=
VM_PART  := ^(doctor|run)/(dev|nosub)$$|^cgroup/dev|^undelegated|^quadlet
test-vm: build
	.ci/setup .ci/vm/packages
	.ci/vm/test bin/coracle '$(VM_TESTS)'

# The fast executor's assembly and the launcher on an emulated arm64 kernel.
test-arm64:
	.ci/arm64

# FUZZTIME is for each target.
FUZZTIME ?= 5s
fuzz:
	.ci/fuzz $(FUZZTIME) '$(TAGS)'

# bench installs nothing: it compares with the peers that are there.
bench: build
	$(GO) run ./cmd/coracle-bench $(BENCHFLAGS)

# The image store: pull, load, save, commit, rmi, lists. The first run makes an
# image of a Debian root file system with mmdebstrap, in the user's cache.
bench-storage: build
	$(GO) run ./cmd/coracle-bench -storage $(BENCHFLAGS)

# Networks: coracle's stack beside slirp4netns, pasta and a veth pair. Three minutes.
bench-net: build
	$(GO) run ./cmd/coracle-bench -net $(BENCHFLAGS)

install: build
	install -D -m 0755 $(OUT) $(DESTDIR)$(PREFIX)/bin/coracle

clean:
	rm -rf bin
	rm -f $(BASE) $(BUNDLE)/coracle-engine $(BUNDLE)/coracle-init
