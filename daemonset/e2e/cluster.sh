#!/usr/bin/env bash
# A real Kubernetes on this machine with Ikat in it: see 'usage'. Called by ./dev cluster.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$HERE/runtimes.sh"
readonly DEPLOY=$HERE/../deploy DISTRIBUTION=$HERE/../target/ikat IMAGE=$HERE/../target/ikat-agent.tar
readonly RUN=$CACHE/running CONTROL=ikat-control
readonly VERSIONS='1.37 1.34 1.20'

usage() {
  cat <<TEXT
usage: ./dev cluster COMMAND

  up [OPTION...]                build the cluster's programs if that was not done yet (some 15 minutes on two processors,
                                once a machine), start a control plane and nodes, and install Ikat by its image and
                                manifests
      --kubernetes VERSION      1.37 (default) or 1.34, both of Go modules, or 1.20 of Debian 12's source package
      --nodes N                 1 to 9 nodes (default 2)
      --backend B               Ikat's policy backend: nftables (default), iptables or ebpf; with --processes also none
      --kube-proxy MODE         nftables (default), iptables (with 1.20 the only one), or none: then Ikat implements services
      --runtime R               of the nodes: containerd (default); or, where they are installed and not with 1.20, crio
                                (CRI-O) or docker (Docker with cri-dockerd)
      --control-plane-node      node-1 has the taint of a control plane: Ikat runs on it and workloads don't; with
                                --nodes 1 workloads do
      --processes               Ikat as processes of the nodes instead of a DaemonSet
      --without-ikat            no Ikat: the nodes are not ready until another plugin is installed
  down                          end all of it and remove what it left in the kernel
  kubectl ARGUMENT...           kubectl, as the cluster's administrator
  enter NODE [COMMAND...]       a command (default: a shell) in a node: node-1, node-2, ...; crictl is there
  add NODE [--runtime R]        start one more node
  remove NODE                   end one, as if its plug were pulled
  load ARCHIVE                  give all nodes the images of a file of 'docker save'
  stop|start|restart NODE SERVICE   runtime (containerd, crio or docker), kubelet, kube-proxy or ikat-agent; of 'control': etcd,
                                kube-apiserver, kube-controller-manager, kube-scheduler
  backend [B]                   say what the agents' policy backend is, or change it; the DaemonSet's are replaced one by one
  overlay NAME                  install the DaemonSet by another overlay, such as bgp, until 'backend' changes it back
  nodes                         the nodes that run
  version                       the version of its Kubernetes, as in --kubernetes
  log|pid NODE SERVICE          where its log is; its process in the node

Each node has network, mount, process and host name namespaces of its own, its own runtime, kubelet and kube-proxy; the
control plane has its own too. IPv4 and IPv6; from 1.34 on with CoreDNS as the service 10.96.0.10. All state is below
$CACHE.
TEXT
}

# The first process inside the namespaces of a node, or of 'control'.
init_of() {
  local outer
  outer=$(cat "$RUN/$1/outer" 2>/dev/null) || return 1
  grep -qs "unshare" "/proc/$outer/comm" || return 1
  cut -d' ' -f1 "/proc/$outer/task/$outer/children" | grep .
}

inside() { # NODE COMMAND...
  local init
  init=$(init_of "$1") || fail "$1 does not run"
  shift
  nsenter --target "$init" --mount --net --pid --uts -- "$@"
}

kubeconfig() { # FILE USER
  local token
  token=$(grep ",$2," "$RUN/control/tokens.csv" | cut -d, -f1)
  cat >"$1" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: ikat, cluster: {server: "https://10.55.0.1:6443", certificate-authority: $RUN/control/certificates/apiserver.crt}}]
users: [{name: user, user: {token: $token}}]
contexts: [{name: ikat, context: {cluster: ikat, user: user}}]
current-context: ikat
YAML
}

token() { # USER GROUPS
  echo "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n'),$1,$1,\"$2\"" >>"$RUN/control/tokens.csv"
}

# As an administrator on the control plane's machine.
# What kubectl remembers of the API is this cluster's, not that of an older Kubernetes which had the same address.
kubectl() {
  inside control "$CACHE/kubernetes-$VERSION/kubectl" "--kubeconfig=$RUN/admin.kubeconfig" "--cache-dir=$RUN/kubectl" "$@"
}

# Of the cluster that runs.
read_settings() {
  [ -e "$RUN/settings" ] || fail "no cluster runs; './dev cluster up' starts one"
  # shellcheck disable=SC1091
  source "$RUN/settings"
}

await() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "$what did not come in time; logs: $RUN/*/log"
    sleep 0.5
  done
}

# All namespaces die with the first process in them, and with those their links, mounts and processes.
begin() { # NAME COMMAND...
  local name=$1
  shift
  mkdir -p "$RUN/$name"/{log,pid,stopped}
  setsid nsenter --net="/run/netns/$(namespace "$name")" -- \
    unshare --mount --uts --pid --fork --kill-child --mount-proc -- "$@" >"$RUN/$name/log/init.log" 2>&1 </dev/null &
  echo $! >"$RUN/$name/outer"
  disown
  await 10 "the first process of $name" init_of "$name"
}

namespace() {
  if [ "$1" = control ]; then echo "$CONTROL"; else echo "ikat-$1"; fi
}

start_control() {
  ip netns add "$CONTROL"
  ip -n "$CONTROL" link set lo up
  ip -n "$CONTROL" link add fabric type bridge
  ip -n "$CONTROL" addr add 10.55.0.1/24 dev fabric
  ip -n "$CONTROL" addr add fd55::1/64 dev fabric nodad
  ip -n "$CONTROL" link set fabric up
  mkdir -p "$RUN/control"
  openssl genrsa -out "$RUN/control/service-accounts.key" 2048 2>/dev/null
  openssl rsa -in "$RUN/control/service-accounts.key" -pubout -out "$RUN/control/service-accounts.pub" 2>/dev/null
  token admin system:masters
  token system:kube-controller-manager system:authenticated
  token system:kube-scheduler system:authenticated
  token system:kube-proxy system:authenticated
  [ "$AGENTS" != processes ] || token system:serviceaccount:kube-system:ikat system:serviceaccounts
  local node
  for node in $(seq 9); do token "system:node:node-$node" system:nodes; done
  kubeconfig "$RUN/admin.kubeconfig" admin
  kubeconfig "$RUN/control/kube-controller-manager.kubeconfig" system:kube-controller-manager
  kubeconfig "$RUN/control/kube-scheduler.kubeconfig" system:kube-scheduler
  begin control bash "$HERE/control-plane.sh" "$RUN/control"
  await 90 "the API server" kubectl get --raw /readyz
  await 30 "the default service account" kubectl -n default get serviceaccount default
}

add_node() {
  local runtime=$RUNTIME
  [ "${2:-}" != --runtime ] || runtime=${3:-}
  check_runtime "$runtime"
  start_node "$1" "$runtime"
  finish_node "$1"
}

check_runtime() { # RUNTIME
  case $1 in
    containerd) ;;
    crio) runtime_is_here CRI-O crio pinns conmon ;;
    docker) runtime_is_here "Docker with cri-dockerd" dockerd docker cri-dockerd ;;
    *) fail "--runtime takes containerd, crio or docker, not '$1'" ;;
  esac
}

runtime_is_here() { # NAME PROGRAM...
  local name=$1 program
  is_modern || fail "$name is here for Kubernetes 1.34 and later"
  for program in "${@:2}"; do
    command -v "$program" >/dev/null || fail "there is no '$program' on the PATH: install $name (${*:2})"
  done
}

start_node() { # NODE RUNTIME
  local name=${1:-} number=${1#node-} space
  [[ $name =~ ^node-[1-9]$ ]] || fail "a node's name is node-1 to node-9, not '$name'"
  init_of "$name" >/dev/null && fail "$name runs already"
  space=$(namespace "$name")
  ip netns add "$space"
  ip -n "$space" link set lo up
  ip -n "$space" link add eth0 type veth peer name "$name" netns "$CONTROL"
  ip -n "$CONTROL" link set "$name" master fabric up
  ip -n "$space" addr add "10.55.0.1$number/24" dev eth0
  ip -n "$space" addr add "fd55::1$number/64" dev eth0 nodad
  ip -n "$space" link set eth0 up
  ip -n "$space" route add default via 10.55.0.1
  ip -n "$space" route add default via fd55::1
  mkdir -p "$RUN/$name/stopped"
  touch "$RUN/$name/stopped/ikat-agent"
  echo "$2" >"$RUN/$name/runtime"
  kubeconfig "$RUN/$name/kubelet.kubeconfig" "system:node:$name"
  kubeconfig "$RUN/$name/kube-proxy.kubeconfig" system:kube-proxy
  begin "$name" bash "$HERE/node.sh" "$name" "$RUN/$name" "10.55.0.1$number" "fd55::1$number"
}

finish_node() {
  await 300 "the images on $1" images_settled "$1"
  [ -e "$RUN/$1/imported" ] || fail "$(tail -n 1 "$RUN/$1/log/init.log")"
  [ "$AGENTS" != processes ] || install_process "$1"
  await 60 "the pod CIDRs of $1" has_ranges "$1"
  route_to_pods "$1"
}

has_ranges() { # NODE
  [ -n "$(ranges "$1")" ]
}

ranges() { # NODE: its pod CIDRs
  kubectl get node "$1" -o jsonpath='{range .spec.podCIDRs[*]}{@}{"\n"}{end}'
}

# The API server's proxy asks pods themselves.
route_to_pods() { # NODE
  local range
  for range in $(ranges "$1"); do
    case $range in
      *:*) ip -n "$CONTROL" route replace "$range" via "fd55::1${1#node-}" ;;
      *) ip -n "$CONTROL" route replace "$range" via "10.55.0.1${1#node-}" ;;
    esac
  done
}

# A node without its images has ended, having said why.
images_settled() {
  [ -e "$RUN/$1/imported" ] || ! init_of "$1"
}

as_daemonset() {
  [ "$AGENTS" = daemonset ]
}

# By the overlay, which is one of a backend but for cases of their own. Where there is no kube-proxy Ikat implements services,
# and has to reach the API server before that.
apply_daemonset() { # OVERLAY
  local overlay=$RUN/overlay
  rm -rf "$overlay"
  mkdir -p "$overlay"
  if is_modern; then
    # Kustomize takes relative paths alone.
    echo "resources: ['$(realpath --relative-to="$overlay" "$DEPLOY/overlays/$1")']" >"$overlay/kustomization.yaml"
    [ "$KUBE_PROXY" != none ] || cat "$HERE/objects/"{api-server-address,services}.yaml >>"$overlay/kustomization.yaml"
  else
    overlay_in_old_words "$1"
  fi
  kubectl apply -k "$overlay" >/dev/null
}

# The kubectl of 1.20 is older than the overlays' form of patches.
overlay_in_old_words() { # BACKEND
  cp "$DEPLOY/base/ikat.yaml" "$DEPLOY/overlays/$1"/*.yaml "$overlay/"
  cat >"$overlay/kustomization.yaml" <<YAML
resources: [ikat.yaml]
patchesStrategicMerge: [config.yaml]
YAML
  [ ! -e "$overlay/agent.yaml" ] || cat >>"$overlay/kustomization.yaml" <<YAML
patchesJson6902:
- {target: {group: apps, version: v1, kind: DaemonSet, namespace: kube-system, name: ikat}, path: agent.yaml}
YAML
}

# The launcher where the runtime looks for it, and the agent with the rights of the service account.
install_process() { # NODE
  local name=$1
  kubeconfig "$RUN/$name/ikat.kubeconfig" system:serviceaccount:kube-system:ikat
  inside "$name" cp -a "$DISTRIBUTION/cni/." /opt/cni/bin/
  inside "$name" cp -a "$DISTRIBUTION/agent" /opt/ikat-agent
  process_settings "$name"
  rm "$RUN/$name/stopped/ikat-agent"
}

process_settings() { # NODE
  printf '%s: %s\n' node-name "$1" kubeconfig "$RUN/$1/ikat.kubeconfig" policy-backend "$(cat "$RUN/backend")" \
    services "$([ "$KUBE_PROXY" = none ] && echo true || echo false)" |
    inside "$1" tee /etc/ikat/config.yaml >/dev/null
}

replace_daemonset() { # OVERLAY
  apply_daemonset "$1"
  # Agents read their settings when they start.
  kubectl -n kube-system rollout restart daemonset ikat >/dev/null
  kubectl -n kube-system rollout status daemonset ikat --timeout=180s >/dev/null
}

change_backend() { # BACKEND
  echo "$1" >"$RUN/backend"
  if as_daemonset; then
    replace_daemonset "$1"
    return
  fi
  local node
  for node in $(nodes); do
    process_settings "$node"
    inside "$node" kill -HUP "$(process_of "$node" ikat-agent)"
  done
}

nodes() {
  local directory
  for directory in "$RUN"/node-*; do
    [ ! -d "$directory" ] || ! init_of "$(basename "$directory")" >/dev/null || basename "$directory"
  done
}

up() {
  VERSION=1.37 KUBE_PROXY='' AGENTS=daemonset RUNTIME=containerd
  local count=2 backend=nftables control_plane=no
  while [ $# -gt 0 ]; do
    case $1 in
      --kubernetes | --nodes | --backend | --kube-proxy | --runtime) [ $# -gt 1 ] || fail "$1 needs a value" ;;&
      --kubernetes) VERSION=$2; shift 2 ;;
      --nodes) count=$2; shift 2 ;;
      --backend) backend=$2; shift 2 ;;
      --kube-proxy) KUBE_PROXY=$2; shift 2 ;;
      --runtime) RUNTIME=$2; shift 2 ;;
      --control-plane-node) control_plane=yes; shift ;;
      --processes) AGENTS=processes; shift ;;
      --without-ikat) AGENTS=none; shift ;;
      *) fail "up does not know '$1'" ;;
    esac
  done
  [[ " $VERSIONS " == *" $VERSION "* ]] || fail "--kubernetes takes ${VERSIONS// /, }, not '$VERSION'"
  [[ $count =~ ^[1-9]$ ]] || fail "--nodes takes 1 to 9, not '$count'"
  case $backend/$AGENTS in
    nftables/* | iptables/* | ebpf/* | none/processes) ;;
    *) fail "--backend takes nftables, iptables or ebpf, or with --processes none, not '$backend'" ;;
  esac
  if is_modern; then : "${KUBE_PROXY:=nftables}"; else : "${KUBE_PROXY:=iptables}"; fi
  case $VERSION/$KUBE_PROXY in
    */iptables | */none | 1.3?/nftables) ;;
    1.20/nftables) fail "the kube-proxy of 1.20 has no mode nftables" ;;
    *) fail "--kube-proxy takes nftables, iptables or none, not '$KUBE_PROXY'" ;;
  esac
  check_runtime "$RUNTIME"
  if init_of control >/dev/null; then
    echo "cluster: it runs already; ./dev cluster down ends it"
    exit 0
  fi
  programs
  down
  mkdir -p "$RUN"
  printf '%s\n' "VERSION=$VERSION" "KUBE_PROXY=$KUBE_PROXY" "AGENTS=$AGENTS" "RUNTIME=$RUNTIME" >"$RUN/settings"
  echo "$backend" >"$RUN/backend"
  "$HERE/images.sh" cluster "$RUN/images"
  if as_daemonset; then agent_image; fi
  start_control
  case $AGENTS in
    daemonset) apply_daemonset "$backend" ;;
    processes) kubectl apply -f "$HERE/objects/access.yaml" >/dev/null ;;
  esac
  local number
  for number in $(seq "$count"); do start_node "node-$number" "$RUNTIME"; done
  for number in $(seq "$count"); do finish_node "node-$number"; done
  [ "$control_plane" = no ] || taint_control_plane "$count"
  if is_modern; then install_dns; fi
  if [ "$AGENTS" != none ]; then
    for number in $(seq "$count"); do
      await 120 "node-$number" kubectl wait --for=condition=Ready "node/node-$number" --timeout=1s
    done
    if is_modern; then await 120 "CoreDNS" kubectl -n kube-system rollout status deployment coredns --timeout=1s; fi
  fi
  kubectl get nodes -o wide
}

programs() {
  install_packages runc busybox-static containernetworking-plugins jq openssl conntrack iptables podman debootstrap procps
  if is_modern; then
    "$HERE/programs.sh" etcd containerd crictl coredns plugins/loopback plugins/portmap "kubernetes-$VERSION"/{kube-apiserver,kube-controller-manager} \
      "kubernetes-$VERSION"/{kube-scheduler,kubelet,kubectl,kube-proxy}
  else
    "$HERE/kubernetes-1.20.sh"
  fi
}

# As kubeadm does it; a single node would otherwise run nothing.
taint_control_plane() { # NODES
  kubectl label node node-1 node-role.kubernetes.io/control-plane= >/dev/null
  [ "$1" = 1 ] || kubectl taint node node-1 node-role.kubernetes.io/control-plane:NoSchedule >/dev/null
}

install_dns() {
  local overlay=$RUN/dns
  mkdir -p "$overlay"
  cp "$HERE/objects/dns.yaml" "$overlay/"
  echo 'resources: [dns.yaml]' >"$overlay/kustomization.yaml"
  [ "$KUBE_PROXY" != none ] || cat "$HERE/objects/api-server-address.yaml" >>"$overlay/kustomization.yaml"
  kubectl apply -k "$overlay" >/dev/null
}

# Of what was built, for each node's containerd.
agent_image() {
  if [ ! -e "$IMAGE" ] || [ "$DISTRIBUTION/agent/bin/ikat-agent" -nt "$IMAGE" ]; then
    echo "cluster: making the agent's image (./dev image)"
    "$DEPLOY/image/build.sh"
  fi
  ln -s "$(readlink -f "$IMAGE")" "$RUN/images/"
}

# Also to nodes that come later.
load() { # ARCHIVE
  local archive node
  archive=$(readlink -f "$1") || true
  [ -f "$archive" ] || fail "there is no file '$1'"
  [ "$archive" -ef "$RUN/images/${archive##*/}" ] || ln -sf "$archive" "$RUN/images/"
  for node in $(nodes); do
    inside "$node" env RUNTIME="$(cat "$RUN/$node/runtime")" PATH="$(programs_path)" bash -c \
      'source "$1"; import_image "$2"' bash "$HERE/runtimes.sh" "$archive" >>"$RUN/$node/log/images.log" 2>&1 ||
      fail "$node does not take $archive: $(tail -n 1 "$RUN/$node/log/images.log")"
  done
}

end() {
  local outer init
  outer=$(cat "$RUN/$1/outer" 2>/dev/null || true)
  # Only if it is still what was started; --kill-child takes the first process, and the kernel all others of its namespace.
  if init=$(init_of "$1"); then
    kill -KILL "$init" 2>/dev/null || true
    while kill -0 "$outer" 2>/dev/null; do sleep 0.1; done
  fi
  [ ! -e "/run/netns/$(namespace "$1")" ] || ip netns del "$(namespace "$1")"
}

down() {
  local directory
  for directory in "$RUN"/node-* "$RUN/control"; do
    [ ! -d "$directory" ] || end "$(basename "$directory")"
  done
  # Containers' and nodes' cgroups are of their names only. Those of CRI-O that were left would keep the next kubelet busy:
  # it asks CRI-O about each of them, again and again, before its node is registered.
  local group
  for group in /sys/fs/cgroup/{,*/}{k8s.io,crio,crio-*,ikat-e2e-*}; do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  rm -rf "$RUN"
}

# By its number among the node's own processes; nothing where it does not run.
process_of() { # NODE SERVICE
  if [ "$2" = ikat-agent ] && as_daemonset; then
    inside "$1" pgrep -f dev.ikat.agent.AgentMain || true
  else
    cat "$RUN/$1/pid/$2" 2>/dev/null || true
  fi
}

service() { # VERB NODE SERVICE
  local process
  [ -d "$RUN/$2" ] || fail "there is no $2"
  [ "$3" != runtime ] || set -- "$1" "$2" "$(cat "$RUN/$2/runtime")"
  if [ "$3" = ikat-agent ] && [ "$1" != restart ] && as_daemonset; then
    fail "the agents are a DaemonSet's, which Kubernetes starts and stops"
  fi
  process=$(process_of "$2" "$3")
  case $1 in
    start) rm -f "$RUN/$2/stopped/$3" ;;
    *)
      [ "$1" = restart ] || touch "$RUN/$2/stopped/$3"
      [ -z "$process" ] || inside "$2" kill "$process"
      local tries=0
      while [ -n "$process" ] && [ "$(process_of "$2" "$3")" = "$process" ] && [ $((tries++)) -lt 100 ]; do
        sleep 0.1
      done
      ;;
  esac
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  help | -h | --help) usage; exit ;;
esac
[ "$(id -u)" = 0 ] || fail "the cluster is made of namespaces, which needs root"
case $command in
  up | down | nodes) ;;
  *) read_settings ;;
esac
case $command in
  up) up "$@" ;;
  down) down ;;
  kubectl) kubectl "$@" ;;
  enter)
    [ $# -gt 0 ] || fail "enter which node?"
    node=$1
    shift
    [ $# -gt 0 ] || set -- bash
    inside "$node" env PATH="$(programs_path)" "$@"
    ;;
  add) add_node "$@" ;;
  remove) end "$1"; rm -rf "${RUN:?}/$1" ;;
  load) load "$1" ;;
  stop | start | restart) service "$command" "$@" ;;
  backend) if [ $# = 0 ]; then cat "$RUN/backend"; else change_backend "$1"; fi ;;
  overlay)
    as_daemonset && [ -d "$DEPLOY/overlays/${1:-}" ] || fail "give an overlay for the DaemonSet: $(ls "$DEPLOY/overlays" | paste -sd' ')"
    replace_daemonset "$1"
    ;;
  nodes) nodes ;;
  version) echo "$VERSION" ;;
  pid) process_of "$1" "$2" ;;
  log) echo "$RUN/$1/log/$2.log" ;;
  *)
    usage >&2
    fail "there is no command '$command'"
    ;;
esac
