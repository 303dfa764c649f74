#!/usr/bin/env bash
# Ikat in a cluster of kind, as docs/kubernetes.md has people install it there: see 'usage'. Called by ./dev kind.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly DEPLOY=$HERE/../deploy DISTRIBUTION=$HERE/../target/ikat IMAGE=$HERE/../target/ikat-agent.tar
readonly VERSION=1.37 NODE=$CACHE/kind/node.tar NODE_IMAGE=ikat-e2e/kind-node:1
# What a kubelet sets for the whole machine.
readonly SETTINGS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
  kernel.keys.root_maxbytes)

usage() {
  cat <<TEXT
usage: ./dev kind [COMMAND [ARGUMENT...]]

Makes a cluster of three nodes with kind and Docker, installs Ikat by its image and the overlay for kind, and runs COMMAND
with KUBECONFIG (default: daemonset/e2e/e2e.sh, the cases of ./dev e2e that need no console of a node). Then all of it ends.
It needs no image registry: the nodes' image is made of Debian's packages and Go modules. The engine has a network namespace
and a directory of its own.
TEXT
}

prepare() {
  install_packages runc busybox-static containernetworking-plugins jq docker.io iptables debootstrap procps
  "$HERE/kind-node.sh" "$NODE" "$VERSION"
  "$HERE/images.sh" cluster "$CACHE/kind/images"
  [ -e "$IMAGE" ] && [ ! "$DISTRIBUTION/agent/bin/ikat-agent" -nt "$IMAGE" ] || "$DEPLOY/image/build.sh"
}

start_engine() {
  local options=(--data-root "$state/data" --exec-root "$state/exec" --pidfile "$state/pid" --host "$DOCKER_HOST") attempt
  has_sys_resource || options+=(--add-runtime "fitting=$HERE/confined-runc.sh" --default-runtime fitting)
  ip link set lo up
  dockerd "${options[@]}" >"$CACHE/kind/engine.log" 2>&1 &
  engine=$!
  for ((attempt = 0; ; attempt++)); do
    ! docker version >/dev/null 2>&1 || break
    [ "$attempt" -lt 60 ] || fail "Docker does not answer; $CACHE/kind/engine.log says why"
    sleep 0.5
  done
  docker import --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'ENV container=docker' \
    "$NODE" "$NODE_IMAGE" >/dev/null
}

end() {
  kind delete cluster || true
  kill "$engine" && wait "$engine" || true
  sysctl --quiet --load="$state/settings" || true
  rmdir /sys/fs/cgroup/{,*/}docker 2>/dev/null || true
  rm -rf "$state"
}

# A kubelet of today refuses cgroup v1 unless it is told otherwise.
cluster_configuration() {
  cat "$DEPLOY/overlays/kind/cluster.yaml"
  [ -e /sys/fs/cgroup/cgroup.controllers ] || cat <<'YAML'
kubeadmConfigPatches:
  - |
    kind: KubeletConfiguration
    failCgroupV1: false
YAML
}

# What docs/kubernetes.md has people type.
install_ikat() {
  kind load image-archive "$IMAGE"
  kubectl apply -k "$DEPLOY/overlays/kind"
  kubectl wait --for=condition=Ready nodes --all --timeout=180s
}

inside() { # COMMAND...: in a network namespace of its own
  state=$(mktemp -d "$CACHE/kind/engine.XXXXXX")
  engine=
  PATH=$CACHE/kind:$(programs_path)
  export PATH DOCKER_HOST=unix://$state/socket KUBECONFIG=$state/kubeconfig
  export IKAT_E2E_IMAGE=localhost/ikat-e2e/box:1
  trap end EXIT
  sysctl "${SETTINGS[@]}" >"$state/settings"
  start_engine
  cluster_configuration >"$state/cluster.yaml"
  kind create cluster --config "$state/cluster.yaml" --image "$NODE_IMAGE"
  install_ikat
  kind load image-archive "$CACHE/kind/images/box.tar"
  "$@"
}

case ${1:-} in
  -h | --help) usage ;;
  inside) inside "${@:2}" ;;
  *)
    prepare
    [ $# -gt 0 ] || set -- "$HERE/e2e.sh"
    unshare --net -- "$0" inside "$@"
    ;;
esac
