#!/usr/bin/env bash
# A real Kubernetes on this machine with Ikat in it: see 'usage'. Called by ./dev cluster.
set -euo pipefail
readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly DEPLOY=$HERE/../deploy DISTRIBUTION=$HERE/../target/ikat IMAGE=$HERE/../target/ikat-agent.tar
readonly CACHE=${IKAT_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ikat-cluster}
readonly BIN=$CACHE/bin RUN=$CACHE/running CONTROL=ikat-control
readonly KUBECTL=("$BIN/kubectl" "--kubeconfig=$RUN/admin.kubeconfig")

usage() {
  cat <<TEXT
usage: ./dev cluster COMMAND

  up [--nodes N] [--backend B] [--processes]
                                build Kubernetes if it was not yet (a quarter of an hour, once), start a control plane
                                and N nodes (default 2), install Ikat with policy backend B (default nftables) by its
                                image and manifests; with --processes instead as processes of the nodes
  down                          end all of it and remove what it left in the kernel
  kubectl ARGUMENT...           kubectl, as the cluster's administrator
  enter NODE [COMMAND...]       a command (default: a shell) in a node: node-1, node-2, ...
  add NODE | remove NODE        start one more node; end one, as if its plug were pulled
  stop|start|restart NODE SERVICE   containerd, kubelet, kube-proxy or ikat-agent; of 'control': etcd, kube-apiserver,
                                kube-controller-manager, kube-scheduler
  backend B                     change the policy backend of all agents; the DaemonSet's are replaced one by one
  nodes                         the nodes that run
  log|pid NODE SERVICE          where its log is; its process in the node

Each node has network, mount, process and host name namespaces of its own, its own containerd, kubelet and kube-proxy;
the control plane has its own too. Kubernetes is Debian's 1.20.2, IPv4 and IPv6. All state is below $CACHE.
TEXT
}

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
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
kubectl() {
  inside control "${KUBECTL[@]}" "$@"
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
  as_daemonset || token system:serviceaccount:kube-system:ikat system:serviceaccounts
  local node
  for node in $(seq 9); do token "system:node:node-$node" system:nodes; done
  kubeconfig "$RUN/admin.kubeconfig" admin
  kubeconfig "$RUN/control/kube-controller-manager.kubeconfig" system:kube-controller-manager
  kubeconfig "$RUN/control/kube-scheduler.kubeconfig" system:kube-scheduler
  begin control bash "$HERE/control-plane.sh" "$RUN/control" "$BIN"
  await 90 "the API server" kubectl get --raw /readyz
  await 30 "the default service account" kubectl -n default get serviceaccount default
}

add_node() {
  start_node "$1"
  finish_node "$1"
}

start_node() {
  local name=$1 number=${1#node-} space
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
  kubeconfig "$RUN/$name/kubelet.kubeconfig" "system:node:$name"
  kubeconfig "$RUN/$name/kube-proxy.kubeconfig" system:kube-proxy
  begin "$name" bash "$HERE/node.sh" "$name" "$RUN/$name" "$BIN" "10.55.0.1$number" "fd55::1$number"
}

finish_node() {
  await 300 "the images on $1" images_settled "$1"
  [ -e "$RUN/$1/imported" ] || fail "$(tail -n 1 "$RUN/$1/log/init.log")"
  as_daemonset || install_process "$1"
}

# A node without its images has ended, having said why.
images_settled() {
  [ -e "$RUN/$1/imported" ] || ! init_of "$1"
}

as_daemonset() {
  [ "$(cat "$RUN/agents")" = daemonset ]
}

# What the overlay of the backend says, in the words of the cluster's kubectl, which is older than the overlays' own.
apply_daemonset() { # BACKEND
  local overlay=$RUN/overlay
  rm -rf "$overlay"
  mkdir -p "$overlay"
  cp "$DEPLOY/base/ikat.yaml" "$DEPLOY/overlays/$1"/*.yaml "$overlay/"
  cat >"$overlay/kustomization.yaml" <<YAML
resources: [ikat.yaml]
patchesStrategicMerge: [config.yaml]
YAML
  [ ! -e "$overlay/capabilities.yaml" ] || cat >>"$overlay/kustomization.yaml" <<YAML
patchesJson6902:
- {target: {group: apps, version: v1, kind: DaemonSet, namespace: kube-system, name: ikat}, path: capabilities.yaml}
YAML
  kubectl apply -k "$overlay" >/dev/null
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
  printf '%s: %s\n' node-name "$1" kubeconfig "$RUN/$1/ikat.kubeconfig" policy-backend "$(cat "$RUN/backend")" |
    inside "$1" tee /etc/ikat/config.yaml >/dev/null
}

change_backend() { # BACKEND
  echo "$1" >"$RUN/backend"
  if as_daemonset; then
    apply_daemonset "$1"
    # Agents read their settings when they start.
    kubectl -n kube-system rollout restart daemonset ikat >/dev/null
    kubectl -n kube-system rollout status daemonset ikat --timeout=180s >/dev/null
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
  local count=2 backend=nftables agents=daemonset
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) count=$2; shift 2 ;;
      --backend) backend=$2; shift 2 ;;
      --processes) agents=processes; shift ;;
      *) fail "up does not know '$1'" ;;
    esac
  done
  [[ $count =~ ^[1-9]$ ]] || fail "--nodes takes 1 to 9, not '$count'"
  if init_of control >/dev/null; then
    echo "cluster: it runs already; ./dev cluster down ends it"
    exit 0
  fi
  "$HERE/kubernetes.sh"
  down
  mkdir -p "$RUN"
  echo "$backend" >"$RUN/backend"
  echo "$agents" >"$RUN/agents"
  "$HERE/images.sh" "$RUN/images"
  if as_daemonset; then agent_image; fi
  start_control
  if as_daemonset; then apply_daemonset "$backend"; else kubectl apply -f "$HERE/objects/access.yaml" >/dev/null; fi
  local number
  for number in $(seq "$count"); do start_node "node-$number"; done
  for number in $(seq "$count"); do finish_node "node-$number"; done
  for number in $(seq "$count"); do
    await 120 "node-$number" kubectl wait --for=condition=Ready "node/node-$number" --timeout=1s
  done
  kubectl get nodes -o wide
}

# Of what was built, for each node's containerd.
agent_image() {
  if [ ! -e "$IMAGE" ] || [ "$DISTRIBUTION/agent/bin/ikat-agent" -nt "$IMAGE" ]; then
    echo "cluster: making the agent's image (./dev image)"
    "$DEPLOY/image/build.sh"
  fi
  ln -s "$(readlink -f "$IMAGE")" "$RUN/images/"
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
  # Containers' cgroups are of their names only.
  local group
  for group in /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io; do
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
  up) up "$@" ;;
  down) down ;;
  kubectl) kubectl "$@" ;;
  enter) if [ $# -gt 1 ]; then inside "$@"; else inside "$1" bash; fi ;;
  add) add_node "$1" ;;
  remove) end "$1"; rm -rf "${RUN:?}/$1" ;;
  stop | start | restart) service "$command" "$@" ;;
  backend) change_backend "$1" ;;
  nodes) nodes ;;
  pid) process_of "$1" "$2" ;;
  log) echo "$RUN/$1/log/$2.log" ;;
  *)
    usage >&2
    fail "there is no command '$command'"
    ;;
esac
