#!/bin/bash
# Builds programs into bin, and says how far it is:
#
#   hack/build.sh VERSION PART...
#
#   k8stutor   the program itself
#   embedded   k8stutor-embedded, which holds Kubernetes
#   images     the lessons' images for kind, as k8stutor-images-linux-ARCH.tar; made
#              from static programs, without a container engine. ARCH is this
#              machine's, or $ARCH
#
# One go build does it all, so that each package is compiled once and no core waits
# for another's linking. The last two are kept in the user's cache folder, each under
# a hash of everything it is made from: a fresh clone copies them from there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
shift
arch=${ARCH:-$(go env GOARCH)}
exe=$(go env GOEXE)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/k8stutor
. hack/go.sh

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
# hash FOLDER...: of all sources in the folders but tests, of what decides on versions
# and flags, and of this script.
hash() {
	{
		go env GOVERSION GOOS GOARCH CGO_ENABLED GOFLAGS GOAMD64 GOARM64
		echo "$arch"
		# Every file but the tests: some are compiled, some are embedded.
		find "$@" -type f ! -name '*_test.go' ! -path '*/testdata/*' ! -name '*_tmp.go' | LC_ALL=C sort |
			cat - <(printf '%s\n' go.work go.mod go.sum hack/{build.sh,go.sh,go.env}) | while read -r f; do
			echo "$f"
			cat "$f"
		done
	} | sha256 | cut -c1-20
}

embedded= images= packages=()
for part in "$@"; do
	case $part in
	k8stutor) packages+=(.) ;;
	embedded)
		embedded=$cache/embedded/$(hash cluster/embedded)/k8stutor-embedded$exe
		[ -x "$embedded" ] || packages=(./cluster/embedded ${packages[@]+"${packages[@]}"}) # first: it takes longest
		;;
	images)
		images=$cache/images/$(hash cluster/embedded/{workload,cmd,go.mod,go.sum} cluster/images hack/workloads)/k8stutor-images-linux-$arch.tar
		[ -f "$images" ] || packages+=(./cluster/embedded/cmd/imagespec ./hack/workloads)
		;;
	*)
		echo "hack/build.sh: there is no $part; k8stutor, embedded and images are" >&2
		exit 2
		;;
	esac
done

mkdir -p bin
work=$(mktemp -d bin/.new.XXXXXX)
trap 'rm -rf "$work"' EXIT

[ ${#packages[@]} = 0 ] ||
	go run ./hack/gobuild -o "$work/" -ldflags "$(stamp)" \
		-ldflags "github.com/k8stutor/k8stutor=$(stamped "$version")" "${packages[@]}"

# keep FILE KEPT: moves the file into the cache folder, where the three newest stay.
keep() {
	mkdir -p "$(dirname "$2")"
	cp "$1" "$2.$$"
	mv "$2.$$" "$2"
	ls -1dt "$(dirname "$(dirname "$2")")"/*/ | tail -n +4 | while read -r old; do rm -rf "$old"; done
}
# put FILE PLACE: a running cluster may execute the old file, so it is replaced, never
# written to.
put() {
	cmp -s "$1" "$2" || { cp "$1" "$work/new" && mv "$work/new" "$2"; }
}

[ ! -e "$work/k8stutor$exe" ] || put "$work/k8stutor$exe" "bin/k8stutor$exe"
if [ -n "$embedded" ]; then
	[ -x "$embedded" ] || keep "$work/embedded$exe" "$embedded"
	put "$embedded" "bin/k8stutor-embedded$exe"
fi
if [ -n "$images" ]; then
	if [ ! -f "$images" ]; then
		linux() { GOOS=linux GOARCH=$arch go build "$@"; }
		for v in 0.0.1 0.0.2 0.0.3; do
			linux -ldflags "-s -w -X main.version=$v" -o "$work/go-api-$v" ./cluster/embedded/cmd/go-api
		done
		linux -ldflags "-s -w" -o "$work/toolbox" ./cluster/embedded/cmd/toolbox
		"$work/imagespec" >"$work/spec.json"
		"$work/workloads" -spec "$work/spec.json" -programs "$work" -arch "$arch" -o "$work/images.tar"
		keep "$work/images.tar" "$images"
	fi
	put "$images" "bin/k8stutor-images-linux-$arch.tar"
fi
