#!/bin/sh
# Puts k8stutor-embedded at $1. It holds all of Kubernetes: compiling it takes
# about 6 minutes on 2 cores the first time. So the result is kept in the
# user's cache folder under a hash of everything it is made from, and a fresh
# clone of the same sources copies it from there.
set -eu
out=$1
cd "$(dirname "$0")/.."

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

hash=$( {
	cd cluster/embedded
	go env GOVERSION GOOS GOARCH CGO_ENABLED GOAMD64 GOARM64
	cat ../../hack/embedded.sh
	# Every file but the tests: some are compiled, some are embedded.
	find . -type f ! -name '*_test.go' ! -path '*/testdata/*' ! -name '*_tmp.go' | LC_ALL=C sort | while read -r f; do
		echo "$f"
		cat "$f"
	done
} | sha256 | cut -c1-20)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/k8stutor/embedded
kept=$cache/$hash/k8stutor-embedded$(go env GOEXE)

if [ ! -x "$kept" ]; then
	echo "Building k8stutor-embedded: it compiles Kubernetes itself, about 6 minutes on 2 cores the first time,"
	echo "and under a minute when only our own part of it changed. It is kept in $cache."
	# Kubernetes reports its version from these variables, which its own build
	# sets too.
	v=$(cd cluster/embedded && go list -m -f '{{.Version}}' k8s.io/kubernetes)
	minor=$(echo "$v" | cut -d. -f2)
	flags="-s -w"
	for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags="$flags -X $pkg.gitVersion=$v -X $pkg.gitMajor=1 -X $pkg.gitMinor=$minor -X $pkg.gitTreeState=clean"
	done
	mkdir -p "$(dirname "$kept")"
	tmp=$kept.$$
	trap 'rm -f "$tmp"' EXIT
	(cd cluster/embedded && go build -buildvcs=false -ldflags "$flags" -o "$tmp" .)
	mv "$tmp" "$kept"
	# Keep the three newest; each is about 120 MB.
	ls -1dt "$cache"/*/ | tail -n +4 | while read -r old; do rm -rf "$old"; done
fi
mkdir -p "$(dirname "$out")"
if ! cmp -s "$kept" "$out"; then
	# A running cluster may execute the old file: replace it, never write to it.
	cp "$kept" "$out.new"
	mv "$out.new" "$out"
fi
