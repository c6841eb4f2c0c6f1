#!/bin/bash
# Builds both programs of VERSION into dist for linux, darwin and windows on amd64 and
# arm64: hack/cross.sh VERSION. What does not build is printed with its first error;
# that is a finding, not a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
. hack/go.sh

mkdir -p dist
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		exe=
		[ $os != windows ] || exe=.exe
		for program in k8stutor k8stutor-embedded; do
			if [ $program = k8stutor ]; then package=. flags=$(stamped "$version"); else package=./cluster/embedded flags=$(stamp); fi
			out=dist/$program-$os-$arch$exe
			if err=$(GOOS=$os GOARCH=$arch go build -ldflags "$flags" -o "$out" "$package" 2>&1); then
				printf '  ✓ %-32s %s\n' "$program-$os-$arch" "$(du -h "$out" | cut -f1)"
			else
				printf '  ✗ %-32s %s\n' "$program-$os-$arch" "$(grep -v '^#' <<<"$err" | head -1)"
			fi
		done
	done
done
