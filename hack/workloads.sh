#!/bin/sh
# Puts the lessons' images for kind into the folder $1, as
# k8stutor-images-linux-ARCH.tar: k8stutor looks for them beside itself. Made
# from static programs, without a container engine; kept in the user's cache
# folder under a hash of what they are made from. ARCH is this machine's, or $2.
set -eu
out=$1
arch=${2:-$(go env GOARCH)}
cd "$(dirname "$0")/.."

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

hash=$( {
	go env GOVERSION
	echo "$arch"
	cat hack/workloads.sh cluster/embedded/go.mod go.mod
	find cluster/embedded/workload cluster/embedded/cmd cluster/images hack/workloads \
		-name '*.go' ! -name '*_test.go' | LC_ALL=C sort | while read -r f; do
		echo "$f"
		cat "$f"
	done
} | sha256 | cut -c1-20)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/k8stutor/images
name=k8stutor-images-linux-$arch.tar
kept=$cache/$hash/$name

if [ ! -f "$kept" ]; then
	mkdir -p "$cache/$hash"
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/k8stutor-images.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	(
		cd cluster/embedded
		go run -buildvcs=false ./cmd/imagespec >"$tmp/spec.json"
		export CGO_ENABLED=0 GOOS=linux GOARCH="$arch"
		# With -trimpath the same sources give the same programs anywhere.
		for v in 0.0.1 0.0.2 0.0.3; do
			go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$v" -o "$tmp/go-api-$v" ./cmd/go-api
		done
		go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$tmp/toolbox" ./cmd/toolbox
	)
	go run -buildvcs=false ./hack/workloads -spec "$tmp/spec.json" -programs "$tmp" -arch "$arch" -o "$kept"
	# Keep the three newest; each is about 27 MB.
	ls -1dt "$cache"/*/ | tail -n +4 | while read -r old; do rm -rf "$old"; done
fi
mkdir -p "$out"
if ! cmp -s "$kept" "$out/$name"; then
	cp "$kept" "$out/$name.new"
	mv "$out/$name.new" "$out/$name"
fi
