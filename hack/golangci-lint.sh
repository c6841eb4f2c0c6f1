#!/bin/bash
# Builds golangci-lint of VERSION, with the dependencies that it was released with, and
# puts it to PLACE: hack/golangci-lint.sh VERSION PLACE
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 place=$2
. hack/go.sh

mkdir -p "$(dirname "$place")"
work=$(mktemp -d "$(dirname "$place")/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
go build -o "$work/gobuild" ./hack/gobuild
source=$(go mod download -json "github.com/golangci/golangci-lint/v2@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
echo "Building golangci-lint $version, once."
cd "$source"
"$work/gobuild" -mod=readonly -ldflags "-s -w -X main.version=${version#v}" -o "$work/golangci-lint" ./cmd/golangci-lint
mv "$work/golangci-lint" "$place"
