#!/bin/bash
# Makes a node image for kind on a machine that reaches no container registry, out of
# Debian's packages and the Go module proxy, and prints its name.
#
#   hack/nodeimage/build.sh            build it unless it is kept, load it into the engine
#   hack/nodeimage/build.sh --no-load  build it unless it is kept
#
# It is for tests: kind's own image is better in every respect but that it must be
# downloaded. Inside: systemd, runc and tools of Debian; containerd, Kubernetes, etcd,
# CoreDNS and the CNI plugins built from source; metrics-server; the default StorageClass.
#
# Exit code 3: this machine can't make it (no root, no packages, no room).
#
# It needs Go, root and, on Debian, apt; debootstrap is installed when missing. What is
# built is kept in the user's cache folder under a hash of its sources. On 2 cores:
# about 8 minutes with nothing compiled, 3 when cluster/embedded was compiled before.
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/go.sh
cd hack/nodeimage
export GOWORK=off # modules of their own
PATH=$PATH:/usr/sbin:/sbin
say() { echo "nodeimage: $*" >&2; }

suite=bookworm # systemd 252, which still knows cgroup v1
packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,kmod,libseccomp2,pigz,e2fsprogs,ca-certificates,curl,jq,procps,runc,busybox-static

cannot() {
	say "$1"
	exit 3
}
# fetch ARGS...: downloads what `go list ARGS` needs. What can't be downloaded is the
# machine's fault or its proxy's, everything else ours.
fetch() {
	local said
	said=$(go list "$@" 2>&1 >/dev/null) && return
	tail -20 <<<"$said" >&2
	! grep -qE '(Get "|reading )https?://|dial tcp|module lookup disabled|git ls-remote|exit status 128' <<<"$said" ||
		cannot "Go modules can't be downloaded"
	exit 1
}

(cd ../.. && fetch -deps sigs.k8s.io/kind)
kind=$(cd ../.. && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
version() { go list -m -f '{{.Version}}' "$1"; }
fetch -m k8s.io/kubernetes
k8s=$(version k8s.io/kubernetes)
hash=$({ go version; echo "$suite $packages $kind"; find . -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum | cut -c1-12)
name=k8stutor/node:$k8s-$hash
cache=${XDG_CACHE_HOME:-$HOME/.cache}/k8stutor/nodeimage
kept=$cache/$hash.tar
mkdir -p "$cache"

load() {
	[ "${1-}" = --no-load ] || docker image inspect "$name" >/dev/null 2>&1 || docker load --quiet --input "$kept" >&2 ||
		cannot "the engine can't load the node image"
	echo "$name"
}
if [ -e "$kept" ]; then
	load "$@"
	exit
fi

[ "$(id -u)" = 0 ] || cannot "making the image needs root (debootstrap, chroot)"
for dir in /tmp "$cache"; do
	free=$(df --output=avail -B1M "$dir" | tail -1)
	((free >= 8000)) || cannot "making the image needs 8 GB in $dir, where $free MB are free"
done
work=$(mktemp -d /tmp/k8stutor-nodeimage.XXXXXX)
bin=$work/bin root=$work/root layers=$work/layers
tidy() {
	! mountpoint -q "$root/proc" || umount -l "$root/proc"
	rm -rf "$work" "$kept.new"
}
trap tidy EXIT
mkdir -p "$bin" "$root" "$layers"
phase() {
	local began=$SECONDS what=$1
	shift
	"$@"
	say "$what: $((SECONDS - began)) s"
}

# Debian's packages as a folder; kept apart, for they change least.
debian() {
	local base=$cache/$suite-$(echo "$suite $packages" | sha256sum | cut -c1-12).tar
	if [ ! -e "$base" ]; then
		if ! command -v debootstrap >/dev/null; then
			command -v apt-get >/dev/null || cannot "there is neither debootstrap nor apt-get to install it with"
			apt=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
			timeout 180 apt-get "${apt[@]}" update >&2 || say "apt-get update failed; trying with the lists that there are"
			DEBIAN_FRONTEND=noninteractive timeout 300 apt-get "${apt[@]}" install -y --no-install-recommends --no-remove debootstrap >&2 </dev/null ||
				cannot "apt-get can't install debootstrap"
		fi
		debootstrap --variant=minbase --include="$packages" $suite "$root" >"$work/debootstrap.log" 2>&1 || {
			tail -20 "$work/debootstrap.log" >&2
			cannot "debootstrap can't make a root of Debian's packages: $(tail -1 "$work/debootstrap.log")"
		}
		rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info} "$root"/dev/*
		tar -C "$root" --numeric-owner -cf "$base.$$" . && mv "$base.$$" "$base"
	else
		tar -C "$root" --numeric-owner -xf "$base"
	fi
}

# With the flags and so the packages of cluster/embedded, which are found compiled.
programs() {
	local flags="-s -w" p
	for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $p.gitVersion=$k8s -X $p.gitMajor=1 -X $p.gitMinor=$(cut -d. -f2 <<<"$k8s") -X $p.gitTreeState=clean"
	done
	(cd ../.. && go build -o "$bin/gobuild" ./hack/gobuild)
	phase "downloads" fetch -deps ./node ./coredns ./pause ./pack
	phase "downloads" fetch -deps tool # apart: two cases of one import path
	phase "Kubernetes, etcd, metrics-server" "$bin/gobuild" -ldflags "$flags" -o "$bin/node" ./node
	phase "CoreDNS" "$bin/gobuild" -ldflags "-s -w" -o "$bin/coredns" ./coredns
	phase "CNI plugins, local-path-provisioner" "$bin/gobuild" -ldflags "-s -w" -o "$bin/" tool
	phase "pause" go build -ldflags "-s -w" -o "$bin/pause" ./pause
	phase "pack" go build -o "$bin/pack" ./pack
	cd containerd
	phase "downloads" fetch -deps tool
	local v
	v=$(version github.com/containerd/containerd/v2)
	phase "containerd" "$bin/gobuild" -tags 'no_aufs no_zfs no_btrfs no_devmapper' \
		-ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=$v" -o "$bin/" tool
	cd ..
}

# copy_libraries DIR FILE...: the shared libraries of files of the root, into DIR.
copy_libraries() {
	local to=$1 l
	shift
	chroot "$root" ldd "$@" 2>/dev/null | grep -o '/[^ ]*\.so[^ :]*' | grep -v /xtables/ | sort -u | while read -r l; do
		mkdir -p "$to$(dirname "$l")"
		cp -L "$root$l" "$to$l"
	done
}

# What the cluster's own Pods run, as one archive.
images() {
	local base=$layers/base node=$layers/node proxy=$layers/proxy c
	mkdir -p "$base"/{etc/ssl/certs,tmp,run,proc,sys,dev,bin} "$node/usr/local/bin" "$proxy/usr/sbin"
	chmod 1777 "$base/tmp"
	printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' >"$base/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$base/etc/group"
	cp "$root/etc/ssl/certs/ca-certificates.crt" "$base/etc/ssl/certs/"

	cp "$bin/node" "$node/usr/local/bin/"
	for c in kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd metrics-server node-cni; do
		ln -s node "$node/usr/local/bin/$c"
	done

	# kube-proxy runs iptables, whose extensions have libraries of their own:
	# without libm, iptables-restore fails once a Service has two endpoints.
	local multi=$(uname -m)-linux-gnu
	cp -a "$root"/usr/sbin/{xtables-nft-multi,xtables-legacy-multi,nft,conntrack} "$proxy/usr/sbin/"
	for c in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
		ln -s xtables-nft-multi "$proxy/usr/sbin/$c"
	done
	mkdir -p "$proxy/usr/lib/$multi"
	cp -a "$root/usr/lib/$multi/xtables" "$proxy/usr/lib/$multi/"
	copy_libraries "$proxy" /usr/sbin/{xtables-nft-multi,xtables-legacy-multi,nft,conntrack} \
		$(cd "$root" && ls usr/lib/"$multi"/xtables/*.so | sed 's|^|/|')

	for c in coredns local-path-provisioner pause; do
		mkdir -p "$layers/$c"
		cp "$bin/$c" "$layers/$c/"
	done
	mkdir -p "$layers/busybox/bin"
	cp "$root/bin/busybox" "$layers/busybox/bin/"
	for c in sh mkdir rm; do ln -s busybox "$layers/busybox/bin/$c"; done

	local path='"Env":["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/"]' l
	{
		for l in base node proxy coredns local-path-provisioner pause busybox; do echo "layer $l $layers/$l"; done
		for c in kube-apiserver kube-controller-manager kube-scheduler; do echo "image registry.k8s.io/$c:$k8s base,node {$path}"; done
		echo "image registry.k8s.io/kube-proxy:$k8s base,proxy,node {$path}"
		echo "image registry.k8s.io/etcd:$(cat "$work/etcd") base,node {$path}"
		echo "image registry.k8s.io/coredns/coredns:$(version github.com/coredns/coredns) base,coredns {$path,\"Entrypoint\":[\"/coredns\"]}"
		echo "image registry.k8s.io/pause:$(cat "$work/pause") pause {$path,\"Entrypoint\":[\"/pause\"],\"User\":\"65535:65535\"}"
		echo "image registry.k8s.io/metrics-server/metrics-server:$(version sigs.k8s.io/metrics-server) base,node {$path,\"Entrypoint\":[\"metrics-server\"],\"User\":\"65534\"}"
		echo "image localhost/node-cni:$k8s base,node {$path}"
		echo "image localhost/local-path-provisioner:$k8s base,local-path-provisioner {$path}"
		echo "image localhost/busybox:$k8s base,busybox {$path}"
	} | "$bin/pack" "$work/images.tar"
}

# The root as kind's images/base/Dockerfile and its pkg/build/nodeimage leave it.
node() {
	local files=$kind/images/base/files c
	cp -r "$files/etc" "$files/kind" "$root/"
	cp "$files/usr/local/bin/entrypoint" "$root/usr/local/bin/"
	chmod -R u=rwX,go=rX "$root/kind" "$root"/etc/{systemd/system,containerd,default,sysctl.d,crictl.yaml}
	chmod 0755 "$root/usr/local/bin/entrypoint" "$root"/kind/bin/*

	# Only what a node needs is started by systemd.
	local units=$root/lib/systemd/system
	rm -f "$units"/multi-user.target.wants/* "$root"/etc/systemd/system/*.wants/* "$units"/local-fs.target.wants/* \
		"$units"/sockets.target.wants/*{udev,initctl}* "$units"/basic.target.wants/* \
		"$units"/sysinit.target.wants/systemd-tmpfiles-setup.service
	echo ReadKMsg=no >>"$root/etc/systemd/journald.conf"
	ln -sf /usr/lib/systemd/systemd "$root/sbin/init"
	: >"$root/etc/machine-id"

	cp "$bin"/{containerd,containerd-shim-runc-v2,ctr} "$root/usr/local/bin/"
	cp "$bin/node" "$root/usr/bin/"
	for c in kubelet kubeadm kubectl crictl; do ln -sf node "$root/usr/bin/$c"; done
	mkdir -p "$root"/etc/kubernetes/manifests "$root"/opt/cni/bin "$root"/etc/cni/net.d "$root"/kind/manifests
	cp "$bin"/{ptp,loopback,host-local,portmap} "$root/opt/cni/bin/"
	chroot "$root" systemctl --quiet enable kubelet containerd undo-mount-hacks 2>/dev/null
	chroot "$root" systemctl --quiet mask systemd-binfmt 2>/dev/null
	printf %s "$k8s" >"$root/kind/version"
	for c in default-cni default-storage; do sed "s/VERSION/$k8s/" "manifests/$c.yaml" >"$root/kind/manifests/$c.yaml"; done

	# What kubeadm will ask for.
	mount -t proc proc "$root/proc" || cannot "nothing can be mounted here"
	chroot "$root" kubeadm config images list --kubernetes-version "$k8s" >"$work/wanted"
	chroot "$root" ctr oci spec | chroot "$root" jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
		>"$work/cri-base.json"
	umount "$root/proc"
	cp "$work/cri-base.json" "$root/etc/containerd/"
	sed -n 's|registry.k8s.io/etcd:||p' "$work/wanted" >"$work/etcd"
	sed -n 's|registry.k8s.io/pause:||p' "$work/wanted" >"$work/pause"
	sed -i "s|registry.k8s.io/pause:[^\"]*|registry.k8s.io/pause:$(cat "$work/pause")|
		# Lowering a score needs CAP_SYS_RESOURCE, which a test machine may lack.
		s/restrict_oom_score_adj = false/restrict_oom_score_adj = true/" "$root/etc/containerd/config.toml"
	# Since 1.35 a kubelet must be told to start with cgroup v1.
	sed -i 's|^KUBELET_EXTRA_ARGS=.*|& --fail-cgroupv1=false|' "$root/etc/default/kubelet"
}

# Puts the images into the node's containerd, not unpacked, as kind does it.
preload() {
	cp "$work/images.tar" "$root/tmp/"
	unshare --mount --pid true || cannot "no namespaces can be made here"
	unshare --mount --pid --fork --kill-child --mount-proc bash -euc '
		mount -t proc proc "$0/proc"
		mount -t tmpfs tmpfs "$0/run"
		mount --bind /dev "$0/dev"
		ctr() { chroot "$root" ctr --address /run/c.sock --namespace k8s.io "$@"; }
		root=$0
		chroot "$0" containerd --config /dev/null --address /run/c.sock --state /run/c --root /var/lib/containerd >"$1/containerd.log" 2>&1 &
		for i in $(seq 300); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
		ctr images import --label io.cri-containerd.pinned=pinned --no-unpack /tmp/images.tar >/dev/null
		ctr images ls -q | grep -v ^sha256: | sort >"$1/there"
		kill $!
		wait $! || true' "$root" "$work" || { tail -20 "$work/containerd.log" >&2; exit 1; }
	rm -rf "$root"/tmp/*
	local missing
	missing=$(sort "$work/wanted" | comm -23 - "$work/there")
	[ -z "$missing" ] || { say "kubeadm wants images that are not there: $missing"; exit 1; }
}

finish() {
	{
		echo "layer root $root"
		echo "image $name root" '{"Env":["container=docker","PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Entrypoint":["/usr/local/bin/entrypoint","/sbin/init"],"StopSignal":"SIGRTMIN+3"}'
	} | "$bin/pack" "$kept.new"
	mv "$kept.new" "$kept"
	# Keep the two newest; each is about 800 MB.
	ls -1t "$cache"/????????????.tar | tail -n +3 | while read -r old; do rm -f "$old"; done
}

say "building $name, kept in $cache"
phase "Debian's packages" debian
programs
phase "the node's root" node
phase "images" images
phase "preload" preload
phase "the image" finish
load "$@"
