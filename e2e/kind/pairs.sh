#!/bin/bash
# Times `k8stutor cluster up` on kind, with the lessons' images loaded, against `kind
# create cluster --wait` alone with the same node image, in pairs in one run; who goes
# first alternates. Run it as: hack/engine e2e/kind/pairs.sh [PAIRS]
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/go.sh

pairs=${1:-3}
image=${K8STUTOR_KIND_IMAGE:-$(hack/nodeimage/build.sh)}
bin=${K8STUTOR_BIN:-$PWD/bin/k8stutor}
work=$(mktemp -d /tmp/k8stutor-pairs.XXXXXX)
export XDG_STATE_HOME=$work XDG_CONFIG_HOME=$work
trap '"$work/kind" delete cluster --name pairs --kubeconfig "$work/kc" >/dev/null 2>&1 || true
	"$bin" --cluster kind --name pairs cluster delete >/dev/null 2>&1 || true
	rm -rf "$work"' EXIT
go build -o "$work/kind" sigs.k8s.io/kind

now() { date +%s.%N; }
alone() {
	local t
	t=$(now)
	"$work/kind" create cluster --quiet --name pairs --image "$image" --wait 5m --kubeconfig "$work/kc" >&2
	a=$(echo "$(now) - $t" | bc)
	"$work/kind" delete cluster --quiet --name pairs --kubeconfig "$work/kc" >&2
}
ours() {
	local t
	t=$(now)
	"$bin" --cluster kind --name pairs --image "$image" cluster up >/dev/null 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
	b=$(echo "$(now) - $t" | bc)
	"$bin" --cluster kind --name pairs cluster delete >/dev/null 2>&1
}

echo "| pair | kind create --wait | k8stutor cluster up | ratio |"
echo "|---|---|---|---|"
for ((i = 1; i <= pairs; i++)); do
	if ((i % 2)); then
		alone
		ours
	else
		ours
		alone
	fi
	printf '| %d | %.1f s | %.1f s | %.2f |\n' "$i" "$a" "$b" "$(echo "scale=3; $b / $a" | bc)"
done
