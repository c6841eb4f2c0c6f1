#!/bin/bash
# Reports whether this machine can hold a node of kind at all: upstream's own `kind create
# cluster` with the node image IMAGE, and none of our code on the way. Where that fails,
# or takes so long that tests with bounded waits would tell nothing, the reason is
# printed in one line, and the exit code is 3.
#
#   hack/engine e2e/kind/preflight.sh IMAGE
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/go.sh

image=$1
limit=75 # seconds; a quiet machine takes 20, a busy one 32
work=$(mktemp -d /tmp/k8stutor-preflight.XXXXXX)
name=preflight-$$
made=
tidy() {
	[ -z "$made" ] || timeout 180 "$work/kind" delete cluster --quiet --name "$name" --kubeconfig "$work/kc" >&2 || true
	rm -rf "$work"
}
trap tidy EXIT
cannot() {
	echo "$1"
	exit 3
}
# last FILE: the line that says most: the engine's own error, else the last one.
last() {
	local line
	line=$(grep -aE 'Error response|OCI runtime|denied|not permitted' "$1" | tail -1 || true)
	[ -n "$line" ] || line=$(grep -av '^[[:space:]]*$' "$1" | tail -1 || true)
	sed -E 's/unable to retrieve OCI runtime error \([^)]*\): //; s/[0-9a-f]{64}/…/g' <<<"$line" | cut -c1-400
}

# A node takes 1.5 GB, and the lessons' Pods and their tests come on top.
memory=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)
for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
	[ -r $f ] || continue
	allowed=$(cat $f)
	[ "$allowed" = max ] || ((allowed >> 20 > memory)) || memory=$((allowed >> 20))
done
((memory >= 3500)) || cannot "a node and the lessons want 3.5 GB of memory, and $memory MB are free"

go build -o "$work/kind" sigs.k8s.io/kind
ln -s "$PWD/bin/k8stutor" "$work/kubectl"
mkdir "$work/mounted"
echo "from here" >"$work/mounted/file"
cat >"$work/config.yaml" <<EOF
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts: [{hostPath: $work/mounted, containerPath: /mounted}]
EOF

began=$SECONDS made=yes
timeout --foreground --kill-after=30 480 "$work/kind" create cluster --name "$name" --image "$image" \
	--config "$work/config.yaml" --kubeconfig "$work/kc" --wait 6m >"$work/log" 2>&1 || {
	tail -40 "$work/log" >&2
	cannot "no node of kind comes up here, with upstream's \`kind create cluster\` either: $(last "$work/log")"
}
# CoreDNS is ready when it has reached the API server by its Service: containers within
# the node, the network of Pods, and kube-proxy's rules then work.
timeout --foreground 200 "$work/kubectl" --kubeconfig "$work/kc" --namespace kube-system \
	rollout status deployment/coredns --timeout=180s >"$work/log" 2>&1 ||
	cannot "a node comes up, but no Pod in it, or it isn't reached from here: $(last "$work/log")"
took=$((SECONDS - began))

# An engine whose socket leads to another machine's folders is of no use.
[ "$(docker exec "$name-control-plane" cat /mounted/file 2>/dev/null)" = "from here" ] ||
	cannot "a node does not see the folders of this machine"
((took <= limit)) || cannot "\`kind create cluster\` alone took $took s, of which more than $limit is too slow for tests that wait"
echo "preflight: \`kind create cluster\` took $took s, $memory MB of memory were free" >&2
