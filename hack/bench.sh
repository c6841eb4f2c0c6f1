#!/bin/bash
# Runs the benchmarks of docs/PERFORMANCE.md that need nobody's hands and no
# container engine, and writes what they print, in Go's benchmark format, to
# docs/perf/DATE-COMMIT.txt. Two such files are compared with `make bench-compare`.
#
#   hack/bench.sh [COUNT]     COUNT: how often each is run, 6 unless said
#
# It needs bin/k8stutor and bin/k8stutor-embedded, and tmux to compare with. On 2
# cores it takes a quarter of an hour, in which the machine should do nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/go.sh

count=${1:-6}
rarely=$(((count + 2) / 3)) # for what takes a minute or more
commit=$(git describe --always --dirty --abbrev=8 --exclude '*')
out=docs/perf/$(date +%F)-$commit.txt
part=$out.part
bin=$PWD/bin
export K8STUTOR_BIN=$bin/k8stutor K8STUTOR_EMBEDDED=$bin/k8stutor-embedded K8STUTOR_EMBEDDED_BIN=$bin/k8stutor-embedded

command -v tmux >/dev/null || { echo "hack/bench.sh: the throughput of the shell pane is compared with tmux, which is missing: install it first" >&2; exit 1; }
# A cluster for BenchmarkWriteToVerdict, in a state folder of its own.
state=$(mktemp -d /tmp/k8stutor-bench.XXXXXX)
cluster() { XDG_STATE_HOME=$state XDG_CONFIG_HOME=$state "$bin/k8stutor" --cluster embedded --name bench cluster "$@"; }
trap 'cluster delete >/dev/null 2>&1 || true; rm -rf "$state"' EXIT

failed=0
# bench FOLDER BENCHMARKS ARGS...: BENCHMARKS is a regular expression of names.
bench() {
	local dir=$1 names=$2
	shift 2
	(cd "$dir" && go test -run '^$' -bench "$names" -timeout 60m "$@") | tee -a "$part" || failed=1
}

mkdir -p docs/perf
# Lines with # are comments: were they "key: value", benchstat would keep two
# commits apart instead of comparing them.
{
	echo "# commit $(git rev-parse HEAD)$(git diff --quiet HEAD || echo ' with changes')"
	echo "# date $(date -u +%FT%TZ), load before $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "# machine $(nproc) cores, $(awk '/^MemTotal/ {printf "%.0f GB", $2 / 1e6}' /proc/meminfo), $(uname -sr), $(go env GOVERSION)"
} | tee "$part"

# The whole binary: start and resume against a bare control plane; idle use.
bench cluster/embedded 'Start$' -benchtime 1x -count "$count" ./bench
bench cluster/embedded 'Idle$' -benchtime 1x -count "$rarely" ./bench
# The screen and its shell pane, through the real program where a cluster is needed.
bench . 'TickOnScreen$' -benchtime 300x -count "$rarely" ./e2e
bench . 'Memory$' -benchtime 1x -count "$rarely" ./e2e
bench . 'KeyToEcho$|Flood$' -benchtime 1x -count "$count" ./tui
bench . 'Throughput$' -benchtime 3x -count "$rarely" ./tui/term
# A write to the verdict on it.
cluster up >/dev/null 2>&1
K8STUTOR_KUBECONFIG=$state/k8stutor/clusters/bench/kubeconfig bench . 'WriteToVerdict$' -benchtime 300x -count "$count" ./lessons/harness
cluster delete >/dev/null 2>&1
# What is only computed.
bench . . -skip 'KeyToEcho$|Flood$|Throughput$' -benchtime 0.3s -count "$count" ./tui ./tui/term ./lessons ./cluster/...
bench cluster/embedded . -benchtime 0.3s -count "$count" ./vnet

echo "# load after $(cut -d' ' -f1-3 /proc/loadavg)" | tee -a "$part"
if [ "$failed" != 0 ]; then
	echo "hack/bench.sh: some failed, see above; what was measured is in $part" >&2
	exit 1
fi
mv "$part" "$out"
echo "written: $out"
