#!/bin/bash
# Fails unless the modules that are built with each other's compiled packages have the
# same versions: those of go.work also when each is built alone, and hack/nodeimage those
# of cluster/embedded.
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/go.sh
export LC_ALL=C

# The version that is asked for, which stands in the paths of what is compiled, and the one
# that stands in for it; without modules of the repository.
format='{{with .Module}}{{$asked := printf "%s %s" .Path .Version}}{{with .Replace}}{{with .Version}}{{$asked}} {{.}}{{end}}{{else}}{{with .Version}}{{$asked}} {{.}}{{end}}{{end}}{{end}}'
# versions FOLDER PACKAGES: of all modules that the packages need, a line each.
versions() {
	(cd "$1" && go list -deps -f "$format" "$2" | grep -v '^$' | sort -u)
}
failed=0
same() { # NAME OLD NEW
	diff <(echo "$2") <(echo "$3") >/dev/null && return
	failed=1
	echo "hack/versions.sh: $1:" >&2
	diff <(echo "$2") <(echo "$3") | sed -n 's/^</  here/p; s/^>/  there/p' >&2 || true
}
embedded=$(versions cluster/embedded ./...)
for module in . cluster/embedded; do
	same "go.work (here) gives $module other versions than its go.mod alone (there): go work sync, then GOWORK=off go mod tidy in both" \
		"$(versions $module ./...)" "$(GOWORK=off versions $module ./...)"
done
# Only what both need.
node=$(GOWORK=off versions hack/nodeimage ./node)
common=$(join <(cut -d' ' -f1 <<<"$embedded") <(cut -d' ' -f1 <<<"$node"))
same "cluster/embedded (here) and hack/nodeimage (there) differ: GOWORK=off go get them in hack/nodeimage" \
	"$(grep -wFf <(echo "$common") <<<"$embedded" | sort | join - <(echo "$common"))" "$(join <(echo "$node") <(echo "$common"))"
exit $failed
