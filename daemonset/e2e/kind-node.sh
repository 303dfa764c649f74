#!/usr/bin/env bash
# Writes the image of kind's nodes as the root of a file system, of Debian's packages, kind's own files and programs that
# were built from Go modules: what 'kind build node-image' makes, which needs an image registry. Once a machine, and again
# when what it is of has changed.
# usage: kind-node.sh ARCHIVE VERSION
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly ARCHIVE=$1 VERSION=$2
readonly PACKAGES=ca-certificates,conntrack,curl,dbus,ethtool,hostname,iproute2,iptables,jq,kmod,libseccomp2,mount,nftables,procps,runc,systemd,systemd-sysv,util-linux
readonly PROGRAMS=(coredns/coredns crictl/crictl etcd/etcd containerd/{containerd,containerd-shim-runc-v2,ctr} plugins/{host-local,loopback,portmap}
  kind/kind kubeadm/kubeadm "kubernetes-$VERSION"/{kube-apiserver,kube-controller-manager,kube-proxy,kube-scheduler,kubectl,kubelet})

# The checksums of all that it is made of.
made_of() {
  local program
  for program in "${PROGRAMS[@]}"; do cat "$CACHE/${program%/*}/.${program##*/}.source"; done
  cat "$HERE/kind-node.sh" "$HERE/images.sh"
}

debian() {
  local mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || fail "no Debian mirror in this machine's apt sources, so there is nothing to make kind's nodes of"
  debootstrap --variant=minbase "--include=$PACKAGES" bookworm "$root" "$mirror" >"$CACHE/kind/node.log" 2>&1 ||
    { tail "$CACHE/kind/node.log" >&2; fail "debootstrap failed"; }
  rm -rf "$root"/{var/cache/apt,var/lib/apt/lists,usr/share/doc,usr/share/man,usr/share/locale}
  mkdir -p "$root"/var/{cache/apt,lib/apt/lists}
}

# As images/base/Dockerfile of kind's does it.
kinds_own() {
  local kind units=$root/lib/systemd/system unit
  kind=$(cd "$HERE/kubernetes/kind" && "$(go_command)" list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files
  cp -rT --no-preserve=mode "$kind/etc" "$root/etc"
  cp -rT --no-preserve=mode "$kind/kind" "$root/kind"
  chmod 755 "$root"/kind/bin/*
  install "$kind/usr/local/bin/entrypoint" "$root/usr/local/bin/"
  rm -f "$units"/{multi-user,local-fs,basic}.target.wants/* "$units"/sockets.target.wants/*{udev,initctl}* \
    "$units/sysinit.target.wants/systemd-tmpfiles-setup.service" "$root"/etc/systemd/system/*.wants/*
  # The one is the whole machine's, not a container's.
  rm -f "$root"/usr/lib/sysctl.d/50-pid-max.conf
  echo ReadKMsg=no >>"$root/etc/systemd/journald.conf"
  mkdir -p "$root"/{etc/kubernetes/manifests,kind/manifests,opt/cni/bin}
  # For machines whose root lacks CAP_SYS_RESOURCE.
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$root/etc/containerd/config.toml"
  # kind takes these words of a node with cgroup v1 for systemd's being up, which may then not yet answer kubeadm.
  sed -i "s/'detected cgroup v1'/'cgroup v1 detected'/" "$root/usr/local/bin/entrypoint"
  # The control plane's images, before the kubelet asks for them.
  cat >"$root/kind/bin/import-images.sh" <<'IMPORT'
#!/bin/bash
set -e
[ ! -e /run/images-imported ] || exit 0
for image in /kind/images/*; do ctr --namespace k8s.io images import --no-unpack "$image"; done
touch /run/images-imported
IMPORT
  chmod 755 "$root/kind/bin/import-images.sh"
  cat >"$root/etc/systemd/system/kubelet.service.d/12-images.conf" <<'UNIT'
[Service]
TimeoutStartSec=300
ExecStartPre=/kind/bin/import-images.sh
UNIT
  for unit in containerd kubelet undo-mount-hacks; do chroot "$root" systemctl --quiet enable "$unit"; done
  chroot "$root" systemctl --quiet mask systemd-binfmt
  # kind asks for one; its own comes with a provisioner.
  cat >"$root/kind/manifests/default-storage.yaml" <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard}
provisioner: kubernetes.io/no-provisioner
YAML
}

programs() {
  cp "$CACHE"/containerd/* "$CACHE/crictl/crictl" "$root/usr/local/bin/"
  cp "$CACHE"/plugins/{host-local,loopback,portmap} "$root/opt/cni/bin/"
  cp "$CACHE/kubernetes-$VERSION"/{kubectl,kubelet} "$CACHE/kubeadm/kubeadm" "$root/usr/bin/"
  chroot "$root" ctr oci spec |
    jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' >"$root/etc/containerd/cri-base.json"
  chroot "$root" kubeadm version -o short | tr -d '\n' >"$root/kind/version"
}

# The sandboxes' is the one that kind's configuration of containerd names.
images() {
  local names
  names=$(chroot "$root" kubeadm config images list --kubernetes-version "$(cat "$root/kind/version")" | grep -v /pause:
    sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$root/etc/containerd/config.toml")
  # shellcheck disable=SC2086
  "$HERE/images.sh" kubernetes "$root/kind/images" "$VERSION" $names
}

"$HERE/programs.sh" "${PROGRAMS[@]}"
checksum=$(made_of | sha256sum)
[ ! -e "$ARCHIVE" ] || [ "$(cat "$ARCHIVE.of" 2>/dev/null)" != "$checksum" ] || exit 0
echo "cluster: making the image of kind's nodes (two minutes, once)"
mkdir -p "$CACHE/kind"
root=$(mktemp -d "$CACHE/kind/root.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
debian
kinds_own
programs
images
tar -C "$root" --numeric-owner -cf "$ARCHIVE.new" .
mv "$ARCHIVE.new" "$ARCHIVE"
echo "$checksum" >"$ARCHIVE.of"
