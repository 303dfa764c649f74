#!/usr/bin/env bash
# Builds Kubernetes from Debian's source package, which has its dependencies with it, so that no image and no other
# registry is needed. The result is kept outside the repository and made once a machine: 17 minutes on two cores.
set -euo pipefail
readonly CACHE=${IKAT_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ikat-cluster}
readonly BIN=$CACHE/bin PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl kube-proxy)
readonly PACKAGES=(golang-go rsync make gcc etcd-server containerd runc busybox-static
  containernetworking-plugins jq openssl conntrack iptables podman debootstrap procps)

missing=()
for package in "${PACKAGES[@]}"; do
  dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "cluster: installing ${missing[*]}"
  apt-get update -qq
  # RUNLEVEL=1: the packages' services stay down, the cluster starts its own.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
fi

complete=1
for program in "${PROGRAMS[@]}"; do [ -x "$BIN/$program" ] || complete=0; done
[ "$complete" = 0 ] || exit 0

mkdir -p "$BIN" "$CACHE"/{src,apt/lists/partial,apt/archives/partial}
cd "$CACHE/src"
# Kubernetes is in this release only; its signatures are checked by apt like every other package's.
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?$' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | sort -u | head -1 || true)
[ -n "$mirror" ] || { echo "cluster: no Debian mirror in /etc/apt: cannot get the kubernetes source package" >&2; exit 1; }
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$CACHE/apt/src.list"
options=(-o Dir::Etc::sourcelist="$CACHE/apt/src.list" -o Dir::Etc::sourceparts=/nonexistent
  -o Dir::State::Lists="$CACHE/apt/lists" -o Dir::Cache="$CACHE/apt")
apt-get "${options[@]}" -qq update
apt-get "${options[@]}" -qq source --download-only kubernetes
rm -rf k && mkdir k
tar -xzf kubernetes_*.orig.tar.gz -C k --strip-components=1
cd k
echo "cluster: building Kubernetes (a quarter of an hour on two cores, once); log: $CACHE/build.log"
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_TREE_STATE=clean KUBE_GIT_COMMIT=0 GOFLAGS=-mod=vendor GOPROXY=off
nice -n 19 make WHAT="${PROGRAMS[*]/#/cmd/}" >"$CACHE/build.log" 2>&1 || { tail -30 "$CACHE/build.log"; exit 1; }
cp "${PROGRAMS[@]/#/_output/local/bin/linux/$(go env GOARCH)/}" "$BIN/"
cd "$CACHE" && rm -rf src
