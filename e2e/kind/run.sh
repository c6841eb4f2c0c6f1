#!/bin/bash
# What `make e2e-kind` runs when an engine answers (hack/engine sees to that): the node
# image, the provider's tests, then every lesson on a cluster of its own. What it makes
# is gone at the end. Lessons to test may be named: e2e/kind/run.sh service crashloop.
set -euo pipefail
cd "$(dirname "$0")/../.."

began=$SECONDS
lap() {
	printf '=== %s: %d s\n' "$1" $((SECONDS - began))
	began=$SECONDS
}

own=$(sha256sum "$HOME/.kube/config" 2>/dev/null || true)
K8STUTOR_KIND_IMAGE=$(hack/nodeimage/build.sh)
export K8STUTOR_KIND_IMAGE K8STUTOR_KIND=1 K8STUTOR_BIN=$PWD/bin/k8stutor
lap "node image $K8STUTOR_KIND_IMAGE"

go test -count=1 -timeout 40m -v ./e2e/kind
lap "provider"

state=$(mktemp -d /tmp/k8stutor-kind.XXXXXX)
export XDG_STATE_HOME=$state XDG_CONFIG_HOME=$state
k8stutor() { "$K8STUTOR_BIN" --cluster kind --name lessons "$@"; }
trap 'k8stutor cluster delete >/dev/null 2>&1 || true; rm -rf "$state"' EXIT
k8stutor cluster up
# Containers are heavier than the embedded cluster's: fewer at once.
k8stutor lesson test --parallel "${PARALLEL:-3}" "$@"
lap "lessons"

[ "$own" = "$(sha256sum "$HOME/.kube/config" 2>/dev/null || true)" ] || { echo "~/.kube/config was changed" >&2; exit 1; }
