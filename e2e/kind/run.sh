#!/bin/bash
# Proves kind where an engine answers (hack/engine sees to that): the node image, the
# provider's tests and faults, then every lesson on a cluster of its own, and what a
# session says when that cluster goes away. What it makes is gone at the end.
#
#   hack/engine e2e/kind/run.sh [LESSON...]          all of it: make e2e-kind
#   hack/engine e2e/kind/run.sh --walk [LESSON...]   of each lesson only all solutions in a row, and no bundle
#   hack/engine --optional e2e/kind/run.sh --optional --walk
#                                                    make kind-walk, for CI: where the node image
#                                                    can't be made, or no node comes up even with
#                                                    upstream's kind, say SKIPPED and why, and succeed
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/go.sh

optional= walk=
while :; do
	case ${1-} in
	--optional) optional=yes ;;
	--walk) walk=--walk ;;
	*) break ;;
	esac
	shift
done

began=$SECONDS
lap() {
	printf '=== %s: %d s\n' "$1" $((SECONDS - began))
	began=$SECONDS
}
# cannot WHY: it's the machine that can't.
cannot() {
	[ -n "$optional" ] || { echo "e2e/kind: $1" >&2; exit 3; }
	echo "SKIPPED: tests of kind: $1"
	exit 0
}

state=$(mktemp -d /tmp/k8stutor-kind.XXXXXX)
child=
# What the engine had before: it may be somebody's own.
network=$(docker network ls --quiet --filter name='^kind$')
nodes=$(docker image ls --quiet k8stutor/node)
# Not for Go, which keeps its own settings in XDG_CONFIG_HOME.
k8stutor() { XDG_STATE_HOME=$state XDG_CONFIG_HOME=$state "$K8STUTOR_BIN" --cluster kind --name lessons "$@"; }
tidy() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	[ ! -e "$state/k8stutor/clusters/lessons" ] || k8stutor cluster delete >/dev/null 2>&1 || true
	[ -n "$nodes" ] || docker image rm --force "${K8STUTOR_KIND_IMAGE-none}" >/dev/null 2>&1 || true
	[ -n "$network" ] || docker network rm kind >/dev/null 2>&1 || true
	rm -rf "$state"
}
trap tidy EXIT

# within SECONDS COMMAND...: what COMMAND prints, in $said. It ends when we end.
within() {
	local code=0
	timeout --kill-after=60 "$@" >"$state/said" &
	child=$!
	wait $child || code=$?
	child= said=$(cat "$state/said")
	return $code
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
code=0
within 1500 hack/nodeimage/build.sh || code=$?
case $code in
0) ;;
3) cannot "the node image can't be made here (see above)" ;;
124) cannot "making the node image took more than 25 minutes" ;;
*) exit $code ;;
esac
export K8STUTOR_KIND_IMAGE=$said K8STUTOR_KIND=1 K8STUTOR_BIN=$PWD/bin/k8stutor
lap "node image $K8STUTOR_KIND_IMAGE"

if [ -n "$optional" ]; then
	within 900 e2e/kind/preflight.sh "$K8STUTOR_KIND_IMAGE" || code=$?
	case $code in
	0) ;;
	3) cannot "$said" ;;
	124) cannot "looking whether a node comes up took more than 15 minutes" ;;
	*) exit $code ;;
	esac
	lap "preflight"
fi

go test -vet=off -count=1 -timeout 40m -v ${walk:+-short} ./e2e/kind
lap "provider"

k8stutor cluster up
busybox k8stutor-lessons-control-plane
# GOGC: a fifth of the run went into collecting garbage, and memory there is.
GOGC=400 k8stutor lesson test $walk --parallel "${PARALLEL:-8}" "$@"
lap "lessons"
if [ -z "$walk" ]; then
	K8STUTOR_KUBECONFIG=$state/k8stutor/clusters/lessons/kubeconfig \
		go test -vet=off -count=1 ./lessons/harness -run 'Outage|SlowWatch|Gone|BeforeTheStep'
	lap "outages"
fi

[ "$own" = "$(sha256sum "$HOME/.kube/config" 2>/dev/null || true)" ] || { echo "~/.kube/config was changed" >&2; exit 1; }
