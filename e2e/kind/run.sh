#!/bin/bash
# What `make e2e-kind` runs when an engine answers (hack/engine sees to that): the node
# image, the provider's tests, then every lesson on a cluster of its own, and what a
# session says when that cluster goes away. What it makes is gone at the end.
# Lessons to test may be named: e2e/kind/run.sh service crashloop.
set -euo pipefail
cd "$(dirname "$0")/../.."

began=$SECONDS
lap() {
	printf '=== %s: %d s\n' "$1" $((SECONDS - began))
	began=$SECONDS
}

# busybox NODE: gives the node the image that it would pull if it reached a registry
# (alternatives in lessons use it): the real busybox, Debian's, out of the node image.
busybox() {
	local dir id
	dir=$(mktemp -d /tmp/k8stutor-busybox.XXXXXX)
	mkdir -p "$dir/bin" "$dir/tmp"
	id=$(docker create "$K8STUTOR_KIND_IMAGE")
	docker cp "$id:/bin/busybox" "$dir/bin/busybox" >/dev/null
	docker rm "$id" >/dev/null
	"$dir/bin/busybox" --list | grep -vx busybox | while read -r name; do ln -s busybox "$dir/bin/$name"; done
	tar -C "$dir" --numeric-owner -c . | docker import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' - busybox:1.37 >/dev/null
	docker save busybox:1.37 | docker exec -i "$1" ctr --namespace k8s.io images import - >/dev/null
	docker image rm busybox:1.37 >/dev/null
	rm -rf "$dir"
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
busybox k8stutor-lessons-control-plane
# GOGC: a fifth of the run went into collecting garbage, and memory there is.
GOGC=400 k8stutor lesson test --parallel "${PARALLEL:-8}" "$@"
lap "lessons"
K8STUTOR_KUBECONFIG=$state/k8stutor/clusters/lessons/kubeconfig \
	go test -count=1 ./lessons/harness -run 'Outage|SlowWatch|Gone|BeforeTheStep'
lap "outages"

[ "$own" = "$(sha256sum "$HOME/.kube/config" 2>/dev/null || true)" ] || { echo "~/.kube/config was changed" >&2; exit 1; }
