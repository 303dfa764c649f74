#!/usr/bin/env bash
# Ikat in a real cluster, seen as its users see it: see 'usage'. Called by ./dev e2e.
set -euo pipefail
readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly DEPLOY=$HERE/../deploy NAMESPACE=ikat-e2e OTHER=ikat-e2e-other

usage() {
  cat <<TEXT
usage: ./dev e2e [--backends LIST] [--only PATTERN] [--keep]

Tests Ikat in the cluster of './dev cluster up', or in the one that KUBECONFIG names. There, Ikat must be installed,
IKAT_E2E_IMAGE must name an image with busybox (default: busybox:1.36), and what needs a node's console is left out.

  --backends LIST  policy backends, changed while everything runs (default: nftables,iptables,ebpf; of a cluster that
                   KUBECONFIG names, the one that Ikat is configured for)
  --only PATTERN   cases whose names match this (extended regular expression)
  --keep           leave the tests' namespaces
TEXT
}

backends='' only=. keep=0
while [ $# -gt 0 ]; do
  case $1 in
    --backends) backends=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --keep) keep=1; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
done

if [ -n "${KUBECONFIG:-}" ]; then
  own=0 image=${IKAT_E2E_IMAGE:-busybox:1.36}
  k() { command kubectl "$@"; }
else
  own=1 image=localhost/ikat-e2e/box:1
  k() { "$HERE/cluster.sh" kubectl "$@"; }
fi
cluster() { "$HERE/cluster.sh" "$@"; }

say() { printf '     %s\n' "$*"; }
wrong() {
  printf '     %s\n' "$*" >&2
  return 1
}

passed=0 failed=0 skipped=0
# One case: a function that fails, or not. They build on each other only by the workload that the first ones make.
case_() { # NAME FUNCTION ARGUMENT...
  local name=$1 start=$SECONDS status
  shift
  [[ $name =~ $only ]] || return 0
  set +e
  (set -e; "$@")
  status=$?
  set -e
  case $status in
    0) passed=$((passed + 1)); printf 'ok   %-62s %3d s\n' "$name" $((SECONDS - start)) ;;
    77) skipped=$((skipped + 1)); printf 'skip %-62s\n' "$name" ;;
    *) failed=$((failed + 1)); printf 'FAIL %-62s %3d s\n' "$name" $((SECONDS - start)) ;;
  esac
}
needs_console() { [ "$own" = 1 ] || exit 77; }

within() { # SECONDS COMMAND...: until it succeeds, or the last attempt's words
  local end=$((SECONDS + $1)) words
  shift
  until words=$("$@" 2>&1); do
    if [ "$SECONDS" -ge "$end" ]; then
      printf '%s\n' "$words" | tail -8 | sed 's/^/     /' >&2
      return 1
    fi
    sleep 0.3
  done
}

# --- who is there ---

pods() { # NAMESPACE APP: the names of those that run
  k -n "$1" get pods -l "app=$2" --field-selector status.phase=Running -o json |
    jq -r '.items[] | select(.metadata.deletionTimestamp == null) | .metadata.name'
}

addresses() { # NAMESPACE APP: all their addresses
  k -n "$1" get pods -l "app=$2" --field-selector status.phase=Running -o json |
    jq -r '.items[] | select(.metadata.deletionTimestamp == null) | (.status.podIPs // [{ip: .status.podIP}])[].ip'
}

node_of() { k -n "$1" get pod "$2" -o jsonpath='{.spec.nodeName}'; }
pod_on() { # NODE NAMESPACE APP
  k -n "$2" get pods -l "app=$3" --field-selector "spec.nodeName=$1,status.phase=Running" -o json |
    jq -r '[.items[] | select(.metadata.deletionTimestamp == null)][0].metadata.name'
}
# A control plane's node may have none.
nodes_with() { k -n "$1" get pods -l "app=$2" --field-selector status.phase=Running -o json | jq -r '[.items[].spec.nodeName] | unique[]'; }
ready_nodes() { k get nodes -o json | jq -r '.items[] | select(any(.status.conditions[]; .type == "Ready" and .status == "True")) | .metadata.name'; }

# What a pod or a node does to ask ADDRESS/PORT: whatever answers in HTTP will do, so the API server, whose TLS this is
# not, does too. (nc, since Debian's busybox crashes as wget.)
readonly GET='get() { printf "GET / HTTP/1.0\\r\\n\\r\\n" | timeout 3 nc -w 2 "${1%/*}" "${1##*/}" 2>/dev/null | grep -q "^HTTP/1"; }'

# Asks all of them at once from the pod, and prints "yes ADDRESS/PORT" or "no ADDRESS/PORT".
ask() { # NAMESPACE POD ADDRESS/PORT...
  local namespace=$1 pod=$2
  shift 2
  k -n "$namespace" exec "$pod" -- sh -c "$GET"'
    for target in "$@"; do (if get "$target"; then echo "yes $target"; else echo "no $target"; fi) & done; wait' sh "$@"
}

# Every pod of one kind asks every one of another: all must be answered, or none.
all_reach() { expect yes "$@"; }
none_reach() { expect no "$@"; }
expect() { # yes|no FROM-NAMESPACE FROM-APP TO-NAMESPACE TO-APP
  local want=$1 pod address targets=() answers
  for address in $(addresses "$4" "$5"); do targets+=("$address/8080"); done
  [ "${#targets[@]}" -gt 0 ] || wrong "there is no pod $4/$5" || return 1
  # From all pods at once, since what is denied takes its time.
  answers=$(for pod in $(pods "$2" "$3"); do ask "$2" "$pod" "${targets[@]}" | sed "s#\$# from $2/$pod#" & done; wait)
  [ -n "$answers" ] || wrong "there is no pod $2/$3" || return 1
  ! grep -v "^$want " <<<"$answers" | grep . || return 1
  # Whoever could not even be asked has said nothing.
  [ "$(wc -l <<<"$answers")" = $(($(pods "$2" "$3" | wc -l) * ${#targets[@]})) ] || wrong "not all pods $2/$3 could be asked" || return 1
}

# The minor version of the cluster's Kubernetes.
minor_version() { k get --raw /version | jq -r '.minor | sub("[^0-9].*"; "")'; }

# --- cases ---

nodes_are_ready() {
  within 90 nodes_all_ready
  say "$(k get nodes --no-headers | awk '{print $1 ": " $2}' | paste -sd' ')"
}
nodes_all_ready() {
  k get nodes -o json | jq -e '(.items | length >= 2) and all(.items[]; any(.status.conditions[]; .type == "Ready" and .status == "True")
    and any(.status.conditions[]; .type == "NetworkUnavailable" and .status == "False"))'
}

# By what is right for the real API server, which fills in and checks more than a schema does; nothing is changed.
manifests_taken() {
  needs_console
  taken "$(cat "$DEPLOY/base/ikat.yaml")"
  taken "$(sed 's/NODE-NAME/node-1/' "$DEPLOY/uninstall-job.yaml")"
  ! sed 's/operator: Exists/operator: Sometimes/' "$DEPLOY/base/ikat.yaml" | k apply --dry-run=server -f - >/dev/null 2>&1 ||
    wrong "a toleration that does not exist was taken"
}
overlays_taken() {
  needs_console
  # The kubectl of 1.20 does not know the overlays' form of patches.
  [ "$(cluster version)" != 1.20 ] || exit 77
  local overlay words
  for overlay in "$DEPLOY"/overlays/*/; do
    words=$(k kustomize "$overlay" 2>&1 >/dev/null)
    [ -z "$words" ] || wrong "$overlay: $words"
    taken "$(k kustomize "$overlay")"
  done
}
taken() { # MANIFESTS
  local objects answers
  objects=$(grep -c '^kind: ' <<<"$1")
  answers=$(k apply --dry-run=server -f - <<<"$1" 2>&1)
  ! grep -i 'warning' <<<"$answers" >&2 || wrong "the API server warns"
  [ "$(grep -c '(server dry run)$' <<<"$answers")" = "$objects" ] || wrong "of $objects objects the API server took: $answers"
}

workload_rolls_out() {
  sed "s#IMAGE#$image#" "$HERE/objects/workload.yaml" | k apply -f - >/dev/null
  rolled_out
  # The scheduler only tries to spread the servers, but of the clients each node has one.
  local nodes
  nodes=$(k -n $NAMESPACE get pods -l app=client -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l)
  [ "$nodes" -ge 2 ] || wrong "all pods are on one node"
}
rolled_out() {
  local what
  for what in $NAMESPACE:deployment/web $NAMESPACE:daemonset/client $OTHER:daemonset/stranger; do
    within 60 k -n "${what%%:*}" rollout status "${what#*:}" --timeout=5s
  done
}

pods_reach_each_other() {
  local from to
  for from in $NAMESPACE:web $NAMESPACE:client $OTHER:stranger; do
    for to in $NAMESPACE:web $NAMESPACE:client $OTHER:stranger; do
      within 15 all_reach "${from%:*}" "${from#*:}" "${to%:*}" "${to#*:}"
    done
  done
  say "$({ addresses $NAMESPACE web; addresses $NAMESPACE client; addresses $OTHER stranger; } | wc -l) addresses," \
    "each asked by every pod"
}

nodes_reach_pods() {
  needs_console
  local node address
  [ -n "$(addresses $NAMESPACE web)" ] || wrong "there are no pods"
  for node in $(cluster nodes); do
    for address in $(addresses $NAMESPACE web); do
      within 10 cluster enter "$node" busybox sh -c "$GET; get $address/8080"
    done
  done
}

services_and_api_server() {
  local pod service api
  [ -n "$(pods $NAMESPACE client)" ] || wrong "there are no pods"
  service=$(k -n $NAMESPACE get service web -o jsonpath='{.spec.clusterIP}')
  api=$(k -n default get endpointslices kubernetes -o jsonpath='{.endpoints[0].addresses[0]}/{.ports[0].port}')
  for pod in $(pods $NAMESPACE client); do
    within 20 answered $NAMESPACE "$pod" "$service/80" "$(k -n default get service kubernetes -o jsonpath='{.spec.clusterIP}')/443" "$api"
  done
  say "the service $service, the API server by its service and at $api"
}
answered() { # NAMESPACE POD ADDRESS/PORT...: all of them
  local answers
  answers=$(ask "$@")
  [ "$(grep -c '^yes ' <<<"$answers")" = $(($# - 2)) ] || { echo "$answers"; return 1; }
}

rolling_update() {
  k -n $NAMESPACE patch deployment web --type=strategic \
    -p "{\"spec\": {\"template\": {\"metadata\": {\"annotations\": {\"at\": \"$(date +%s%N)\"}}}}}" >/dev/null
  rolled_out
  within 15 all_reach $NAMESPACE client $NAMESPACE web
}

use_backend() { # NAME
  needs_console
  without_a_loss cluster backend "$1"
  within 20 backend_in_force "$1"
}
# Elsewhere nobody but the operator changes it.
backends_here() {
  if [ "$own" = 1 ]; then
    echo nftables,iptables,ebpf
  else
    k get configmaps -A -l app.kubernetes.io/name=ikat -o json |
      jq -r '[.items[].data["config.yaml"] // "" | capture("(?m)^policy-backend: *(?<name>[a-z]+)").name][0] // "nftables"'
  fi
}
daemonset() { k get daemonsets -A -l app.kubernetes.io/name=ikat --no-headers 2>/dev/null | grep . >/dev/null; }
# Its rules and no other's. Beside eBPF nftables masquerades; so the table may be there, but nothing of it is in the way of
# what is forwarded.
backend_in_force() {
  local node
  for node in $(cluster nodes); do cluster enter "$node" sh -c "$RULES; in_force $1" || return 1; done
}
readonly RULES='
  has_nftables() { nft list table inet ikat 2>/dev/null | grep "hook forward" >/dev/null; }
  has_iptables() {
    for program in iptables-nft-save ip6tables-nft-save iptables-legacy-save ip6tables-legacy-save; do
      # Not what only accepts packets, where the host drops what nobody accepts.
      ! $program -t filter 2>/dev/null | grep IKAT- | grep -v IKAT-ACCEPT- >/dev/null || return 0
    done
    return 1
  }
  has_ebpf() { ls /sys/fs/bpf/ikat/*/* >/dev/null 2>&1; }
  in_force() { for backend in nftables iptables ebpf; do
    if [ $backend = $1 ]; then has_$backend || { echo "$1 is not in force"; return 1; }
    else ! has_$backend || { echo "$backend is still there"; return 1; }; fi; done; }'

policies() {
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  within 10 all_reach $OTHER stranger $NAMESPACE web
  k apply -f "$HERE/objects/default-deny.yaml" >/dev/null
  within 10 none_reach $OTHER stranger $NAMESPACE web
  within 10 none_reach $NAMESPACE client $NAMESPACE web
  within 10 all_reach $NAMESPACE web $OTHER stranger
  # The kubelet's probes pass: no server has become unready.
  sleep 3
  k -n $NAMESPACE get deployment web -o json | jq -e '.status.readyReplicas == .spec.replicas' >/dev/null ||
    wrong "the kubelet's probes do not reach the pods"
  k apply -f "$HERE/objects/allow-client.yaml" >/dev/null
  within 10 all_reach $NAMESPACE client $NAMESPACE web
  none_reach $OTHER stranger $NAMESPACE web
  k apply -f "$HERE/objects/allow-other.yaml" >/dev/null
  within 10 all_reach $OTHER stranger $NAMESPACE web
  k apply -f "$HERE/objects/no-egress.yaml" >/dev/null
  within 10 none_reach $NAMESPACE client $NAMESPACE web
  none_reach $NAMESPACE client $OTHER stranger
  k -n $NAMESPACE delete networkpolicy no-egress allow-other >/dev/null
  within 10 all_reach $NAMESPACE client $NAMESPACE web
  within 10 none_reach $OTHER stranger $NAMESPACE web
}

# A new pod's first connections are what its labels say. There is no moment in which it may do more; less it may until
# the kubelet has told the API server its address, which the server's node has to know.
first_packet() {
  local address
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  k apply -f "$HERE/objects/default-deny.yaml" -f "$HERE/objects/allow-client.yaml" >/dev/null
  within 10 none_reach $OTHER stranger $NAMESPACE web
  address=$(addresses $NAMESPACE web | sed -n 1p)
  local app want phase
  for app in client intruder; do
    k -n $NAMESPACE delete pod "first-$app" --ignore-not-found --wait >/dev/null
    k -n $NAMESPACE run "first-$app" --image="$image" --restart=Never --labels="role=$app,first=yes" --command -- \
      sh -c "$GET; for try in 1 2 3 4 5; do get $address/8080 && exit 0; sleep 0.5; done; exit 1" >/dev/null
  done
  for app in client:Succeeded intruder:Failed; do
    want=${app#*:}
    within 60 first_ended "first-${app%:*}"
    phase=$(k -n $NAMESPACE get pod "first-${app%:*}" -o jsonpath='{.status.phase}')
    [ "$phase" = "$want" ] || wrong "first-${app%:*} is $phase instead of $want"
  done
  k -n $NAMESPACE delete pod -l first=yes --wait=false >/dev/null
}
first_ended() { k -n $NAMESPACE get pod "$1" -o jsonpath='{.status.phase}' | grep -E 'Succeeded|Failed'; }

nothing_left() {
  needs_console
  k delete namespace $NAMESPACE $OTHER --wait >/dev/null
  local node
  for node in $(cluster nodes); do within 30 links_only_of_others "$node"; done
}
# As many links as there are pods with a network of their own, such as CoreDNS'.
links_only_of_others() {
  local links pods
  links=$(cluster enter "$1" ip -o link show | grep -cE ' ik[0-9a-f]{11}[@:]' || true)
  pods=$(k get pods -A --field-selector "spec.nodeName=$1" -o json | jq '[.items[] | select(.spec.hostNetwork | not)] | length')
  [ "$links" = "$pods" ] || { echo "$1 has $links links to $pods pods"; return 1; }
}

source "$HERE/e2e-faults.sh"
source "$HERE/e2e-modern.sh"
source "$HERE/e2e-services.sh"
source "$HERE/e2e-load-balancer.sh"
within 5 k get --raw /readyz || { echo "e2e: no cluster answers; './dev cluster up' starts one, or set KUBECONFIG" >&2; exit 1; }
start=$SECONDS
if [ -z "$backends" ]; then backends=$(backends_here); fi
case_ "nodes become Ready" nodes_are_ready
case_ "the API server takes the manifests" manifests_taken
case_ "the API server takes each overlay" overlays_taken
case_ "a Deployment and two DaemonSets roll out" workload_rolls_out
case_ "pods reach each other, on a node and across nodes, IPv4 and IPv6" pods_reach_each_other
case_ "nodes reach pods" nodes_reach_pods
case_ "pods reach services and the API server" services_and_api_server
case_ "a rolling update" rolling_update
if [ "$(minor_version)" -ge 34 ]; then
  modern_cases
  load_balancer_cases
fi
for backend in ${backends//,/ }; do
  if [ "$own" = 1 ]; then case_ "$backend: put in force while pods run" use_backend "$backend"; fi
  case_ "$backend: NetworkPolicies are enforced" policies
  case_ "$backend: a new pod's first connections" first_packet
  if daemonset; then case_ "$backend: the agents' pods are deleted" pods_of_agents_deleted; fi
  case_ "$backend: the agents are killed" agents_killed
done
services_cases
case_ "a pod that comes while there is no agent" pod_waits_for_agent
case_ "the kubelet is restarted" service_restarted kubelet
case_ "the container runtime is restarted" service_restarted runtime
case_ "the API server is away, and agents start meanwhile" api_server_away
case_ "a node is drained, removed, and comes back" node_drained_removed_and_back
if [ "$keep" = 0 ]; then case_ "nothing is left of the pods" nothing_left; fi
printf '%d passed, %d failed, %d skipped, in %d s\n' "$passed" "$failed" "$skipped" $((SECONDS - start))
[ "$failed" = 0 ]
