# k8stutor. `make` alone lists the targets.
# Needs Go (the version in go.mod), git, make and, for the race detector, gcc.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help start build embedded images test vet unit fidelity truth e2e e2e-kind kind-walk bench bench-compare lint pictures cross clean

export GOFLAGS := -buildvcs=false

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/k8stutor
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
EXE     := $(shell go env GOEXE)
# Kubernetes' own programs tell their version, also to each other, from variables
# that their build sets. The module k8s.io/kubectl v0.37.2 is of release v1.37.2.
KUBECTL    = $(subst v0.,v1.,$(shell go list -m -f '{{.Version}}' k8s.io/kubectl))
KUBERNETES = $(shell cd cluster/embedded && go list -m -f '{{.Version}}' k8s.io/kubernetes)
ldflags    = -s -w -X github.com/k8stutor/k8stutor/internal/cli.version=$(VERSION) $(foreach pkg,k8s.io/component-base/version k8s.io/client-go/pkg/version,\
	-X $(pkg).gitVersion=$(1) -X $(pkg).gitMajor=1 -X $(pkg).gitMinor=$(word 2,$(subst ., ,$(1))) -X $(pkg).gitTreeState=clean)
LINT_VERSION := v2.15.0
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
LINT    := $(CACHE)/tools/golangci-lint-$(LINT_VERSION)/golangci-lint$(EXE)

help: ## list the targets
	@echo "make TARGET, where TARGET is"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-13s %s\n", $$1, $$2 }'
	@echo "The first build compiles Kubernetes itself: about 6 minutes on 2 cores. Later ones take seconds."

start: build ## build what is missing and open the screen
	@bin/k8stutor start

build: embedded images ## build bin/k8stutor, bin/k8stutor-embedded and the lessons' images for kind
	@go build -ldflags "$(call ldflags,$(KUBECTL))" -o bin/k8stutor$(EXE) .

embedded:
	@hack/embedded.sh bin/k8stutor-embedded$(EXE)

images:
	@hack/workloads.sh bin

test: build vet unit fidelity truth e2e ## all tests: both modules, lessons on a live cluster, robot user

vet:
	go vet ./...
	cd cluster/embedded && go vet ./...

# The race detector needs everything beneath a package compiled a second time.
# Where that is all of Kubernetes, or kubectl and kind for internal/cli, it
# would double the time of a cold run. So packages of the embedded module that
# import kubernetes, client-go or apiserver, and internal/cli, are
# tested without it; what they do concurrently they do through packages that
# have it.
RACE_ROOT = $$(go list ./... | grep -vE '^github.com/k8stutor/k8stutor(/e2e|/hack/.*|/internal/cli)?$$')
DEPS      = go list -f '{{.ImportPath}} {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}} .' ./...
RACE_EMBEDDED = $$($(DEPS) | grep -vE ' k8s[.]io/(kubernetes|client-go|apiserver)/' | cut -d' ' -f1)
REST_EMBEDDED = $$($(DEPS) | grep -E ' k8s[.]io/(kubernetes|client-go|apiserver)/' | cut -d' ' -f1 | grep -vE '/(bench|fidelity|uptest)$$')

unit: ## unit tests of both modules
	go test -race $(RACE_ROOT)
	go test ./internal/cli ./hack/...
	cd cluster/embedded && go test -race $(RACE_EMBEDDED)
	cd cluster/embedded && go test $(REST_EMBEDDED)

fidelity: build ## hold the embedded cluster to what Kubernetes documents, with real kubectl
	cd cluster/embedded && K8STUTOR_EMBEDDED_BIN=$(CURDIR)/bin/k8stutor-embedded$(EXE) go test -count=1 -p 1 -timeout 20m ./fidelity ./uptest

# The lessons are tested on a cluster of their own, in a state folder of their
# own, which is removed whichever way it ends. GOGC: about a fifth of the run
# went into collecting garbage, and for a test there is memory enough.
truth: build ## prove every lesson on a live embedded cluster
	bin/k8stutor lesson lint
	state=$$(mktemp -d /tmp/k8stutor-truth.XXXXXX); export XDG_STATE_HOME=$$state XDG_CONFIG_HOME=$$state GOGC=800; \
	trap 'bin/k8stutor --name truth cluster delete >/dev/null 2>&1 || true; rm -rf "$$state"' EXIT; \
	bin/k8stutor --cluster embedded --name truth lesson test && \
	K8STUTOR_KUBECONFIG=$$state/k8stutor/clusters/truth/kubeconfig go test -count=1 ./lessons/harness -run 'Outage|SlowWatch|Gone|BeforeTheStep'

e2e: build ## robot-user tests over a real pty
	@echo "SKIPPED here: e2e/kind, which needs a container engine; make kind-walk and make e2e-kind bring one"
	K8STUTOR_EMBEDDED=$(CURDIR)/bin/k8stutor-embedded$(EXE) go test -count=1 -timeout 15m ./e2e/...

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
	@echo "Building golangci-lint $(LINT_VERSION), about 3 minutes, once ..."
	GOBIN=$(dir $(LINT)) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

lint: $(LINT) ## golangci-lint with gofumpt and the import rules, every module
	@for mod in $$(git ls-files go.mod '*/go.mod' | xargs -n1 dirname); do \
	  [ -n "$$(git ls-files "$$mod/*.go")" ] || continue; \
	  echo "lint: $$mod"; (cd $$mod && $(LINT) run --allow-serial-runners --config $(CURDIR)/.golangci.yml ./...); \
	done

# The pictures in assets, of the real program on a real cluster. The scripts
# in hack/shot say what is typed.
pictures: build ## take the pictures and the recording in assets anew
	@hack/shot/pictures.sh

# Without cgo, as a release would be. What does not build is printed with its
# first error; that is a finding, not a failure.
cross: ## build for linux, darwin and windows on amd64 and arm64; say what does not build
	@mkdir -p dist; for os in linux darwin windows; do for arch in amd64 arm64; do \
	  exe=; [ $$os = windows ] && exe=.exe; \
	  for mod in . cluster/embedded; do \
	    name=k8stutor flags='$(call ldflags,$(KUBECTL))'; \
	    [ $$mod = . ] || { name=k8stutor-embedded flags='$(call ldflags,$(KUBERNETES))'; }; \
	    out=$(CURDIR)/dist/$$name-$$os-$$arch$$exe; \
	    if err=$$(cd $$mod && CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -ldflags "$$flags" -o $$out . 2>&1); then \
	      printf '  ✓ %-32s %s\n' $$name-$$os-$$arch "$$(du -h $$out | cut -f1)"; \
	    else \
	      printf '  ✗ %-32s %s\n' $$name-$$os-$$arch "$$(grep -v '^#' <<<"$$err" | head -1)"; \
	    fi; \
	  done; \
	done; done

clean: ## remove bin and dist (kept builds: rm -r ~/.cache/k8stutor)
	rm -rf bin dist
