# For scripts that source it in the repository's folder: the settings of hack/go.env.
# With any others, everything would be compiled again.
while IFS= read -r setting; do export "$setting"; done <hack/go.env

# stamp: flags of the linker. Kubernetes' own programs tell their version, also to each
# other, from variables that their build sets; kubectl's are of the same version.
stamp() {
	local v pkg
	v=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' cluster/embedded/go.mod)
	printf %s "-s -w"
	for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		printf %s " -X $pkg.gitVersion=$v -X $pkg.gitMajor=1 -X $pkg.gitMinor=$(cut -d. -f2 <<<"$v") -X $pkg.gitTreeState=clean"
	done
}
# stamped VERSION: the same for k8stutor. Nothing of its version may be in
# k8stutor-embedded, or each commit would link that again.
stamped() { echo "$(stamp) -X github.com/k8stutor/k8stutor/internal/cli.version=$1"; }
