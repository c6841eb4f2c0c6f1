# k8stutor. `make` alone lists the targets.
# Needs Go (the version in go.mod), git, make and, for the race detector, gcc.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help start build images env test unit fidelity truth e2e e2e-kind kind-walk bench bench-compare lint pictures cross clean

# One set of flags for everything: build, tests, vet and lint then find the same
# packages compiled. Without cgo, as a release; without debugging information, which
# takes a sixth of the time and which a stripped program drops again; without paths
# of this machine, so that the same sources give the same programs anywhere.
include hack/go.env
export GOFLAGS CGO_ENABLED

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/k8stutor
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
EXE     := $(shell go env GOEXE)
LINT_VERSION := v2.15.0
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
LINT    := $(CACHE)/tools/golangci-lint-$(LINT_VERSION)/golangci-lint$(EXE)

help: ## list the targets
	@echo "make TARGET, where TARGET is"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-13s %s\n", $$1, $$2 }'
	@echo "The first build compiles Kubernetes itself: 5 to 9 minutes on 2 cores. Later ones take seconds."

# No more than the run needs: on kind nothing of Kubernetes, embedded no images.
start: ## build what is missing and open the screen; CLUSTER=embedded or kind: on which cluster
	@hack/build.sh $(VERSION) k8stutor
	@provider=$$(bin/k8stutor $(if $(CLUSTER),--cluster $(CLUSTER)) cluster provider); \
	case $$provider in \
	embedded) hack/build.sh $(VERSION) embedded ;; \
	kind) hack/build.sh $(VERSION) images ;; \
	esac
	@bin/k8stutor $(if $(CLUSTER),--cluster $(CLUSTER)) start

build: ## build bin/k8stutor, bin/k8stutor-embedded and the lessons' images for kind
	@hack/build.sh $(VERSION) embedded k8stutor images

images: ## make the lessons' images for kind; ARCH=arm64 for nodes of another machine
	@hack/build.sh $(VERSION) images

env: ## print what your own go commands need to find what make compiled: eval "$(make -s env)"
	@echo "export GOFLAGS='$(GOFLAGS)' CGO_ENABLED=$(CGO_ENABLED)"

test: build unit fidelity truth e2e ## all tests: both modules, lessons on a live cluster, robot user

# The race detector needs everything beneath a package compiled a second time.
# Where that is all of Kubernetes, or kubectl and kind for internal/cli, it
# would double the time of a cold run. So packages of the embedded module that
# import kubernetes, client-go or apiserver, and internal/cli, are
# tested without it; what they do concurrently they do through packages that
# have it. Its runtime is C, so it needs cgo.
#
# Without vet: it would analyse all of Kubernetes for what it has to know of it, which
# make lint does already.
RACE_ROOT = $$(go list ./... | grep -vE '^github.com/k8stutor/k8stutor(/e2e|/hack/.*|/internal/cli)?$$')
DEPS      = go list -f '{{.ImportPath}} {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}} .' ./...
RACE_EMBEDDED = $$($(DEPS) | grep -vE ' k8s[.]io/(kubernetes|client-go|apiserver)/' | cut -d' ' -f1)
REST_EMBEDDED = $$($(DEPS) | grep -E ' k8s[.]io/(kubernetes|client-go|apiserver)/' | cut -d' ' -f1 | grep -vE '/(bench|fidelity|uptest)$$')

unit: ## unit tests of both modules
	CGO_ENABLED=1 go test -vet=off -race $(RACE_ROOT)
	go test -vet=off ./internal/cli ./hack/...
	cd cluster/embedded && CGO_ENABLED=1 go test -vet=off -race $(RACE_EMBEDDED)
	cd cluster/embedded && go test -vet=off $(REST_EMBEDDED)

fidelity: build ## hold the embedded cluster to what Kubernetes documents, with real kubectl
	cd cluster/embedded && K8STUTOR_EMBEDDED_BIN=$(CURDIR)/bin/k8stutor-embedded$(EXE) go test -vet=off -count=1 -p 1 -timeout 20m ./fidelity ./uptest

# The lessons are tested on a cluster of their own, in a state folder of their
# own, which is removed whichever way it ends. GOGC: about a fifth of the run
# went into collecting garbage, and for a test there is memory enough.
truth: build ## prove every lesson on a live embedded cluster
	bin/k8stutor lesson lint
	state=$$(mktemp -d /tmp/k8stutor-truth.XXXXXX); export XDG_STATE_HOME=$$state XDG_CONFIG_HOME=$$state GOGC=800; \
	trap 'bin/k8stutor --name truth cluster delete >/dev/null 2>&1 || true; rm -rf "$$state"' EXIT; \
	bin/k8stutor --cluster embedded --name truth lesson test && \
	K8STUTOR_KUBECONFIG=$$state/k8stutor/clusters/truth/kubeconfig go test -vet=off -count=1 ./lessons/harness -run 'Outage|SlowWatch|Gone|BeforeTheStep'

e2e: build ## robot-user tests over a real pty
	@echo "SKIPPED here: e2e/kind, which needs a container engine; make kind-walk and make e2e-kind bring one"
	K8STUTOR_EMBEDDED=$(CURDIR)/bin/k8stutor-embedded$(EXE) go test -vet=off -count=1 -timeout 15m ./e2e/...

# Root and apt, unless an engine answers and the node image is kept.
e2e-kind: build ## prove kind on a real container engine: the provider, then every lesson
	hack/engine e2e/kind/run.sh

# For CI. Where the machine can't hold a node of kind (no root, no engine to be had,
# no privileged containers, ...), it says SKIPPED and why, and succeeds. The limit of
# time is there to end what hangs: it is a failure. In here, not around make, so that
# what was started is stopped.
kind-walk: build ## on kind: provider, faults, and every lesson once through; SKIPPED where no engine can be had
	hack/engine --optional timeout --kill-after=120 45m e2e/kind/run.sh --optional --walk

bench: build ## run the benchmarks into docs/perf/DATE-COMMIT.txt; COUNT=6 times each
	hack/bench.sh $(COUNT)

bench-compare: ## compare two files of docs/perf: make bench-compare A=FILE B=FILE
	@go run $(BENCHSTAT) A=$(or $(A),$(error bench-compare needs A=FILE and B=FILE of docs/perf)) B=$(or $(B),$(error bench-compare needs A=FILE and B=FILE of docs/perf))

$(LINT):
	@hack/golangci-lint.sh $(LINT_VERSION) $@

lint: $(LINT) ## golangci-lint with gofumpt and the import rules, every module
	@hack/versions.sh
	@for mod in $$(git ls-files go.mod '*/go.mod' | xargs -n1 dirname); do \
	  [ -n "$$(git ls-files "$$mod/*.go")" ] || continue; \
	  gowork=; grep -qE "^\s+(\./)?$$mod$$" go.work || gowork=off; \
	  echo "lint: $$mod"; (cd $$mod && GOWORK=$$gowork $(LINT) run --allow-serial-runners --config $(CURDIR)/.golangci.yml ./...); \
	done

# The pictures in assets, of the real program on a real cluster. The scripts
# in hack/shot say what is typed.
pictures: build ## retake the pictures and the recording in assets
	@hack/shot/pictures.sh

cross: ## build for linux, darwin and windows on amd64 and arm64; say what does not build
	@hack/cross.sh $(VERSION)

clean: ## remove bin and dist (kept builds: rm -r ~/.cache/k8stutor)
	rm -rf bin dist
