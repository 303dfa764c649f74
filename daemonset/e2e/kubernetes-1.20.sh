#!/usr/bin/env bash
# Builds Kubernetes 1.20, the old end of what Ikat is tested with, from Debian's source package, which has its dependencies
# with it. The result is kept outside the repository and made once a machine: 17 minutes on two cores.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly BIN=$CACHE/kubernetes-1.20
readonly PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl kube-proxy)

install_packages golang-go rsync make gcc etcd-server containerd

complete=1
for program in "${PROGRAMS[@]}"; do [ -x "$BIN/$program" ] || complete=0; done
[ "$complete" = 0 ] || exit 0

mkdir -p "$BIN" "$CACHE"/{src,apt/lists/partial,apt/archives/partial}
cd "$CACHE/src"
# Kubernetes is in this release only; its signatures are checked by apt like every other package's.
mirror=$(debian_mirror)
[ -n "$mirror" ] || fail "no Debian mirror in /etc/apt: cannot get the kubernetes source package"
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
