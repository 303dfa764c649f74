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
}

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
  # The cluster's own kubectl does not know the overlays' form of patches.
  command kubectl kustomize "$DEPLOY/base" >/dev/null 2>&1 || { say "there is no kubectl >= 1.21 on the PATH"; exit 77; }
  local overlay
  for overlay in "$DEPLOY"/overlays/*/; do taken "$(command kubectl kustomize "$overlay")"; done
}
taken() { # MANIFESTS
  local objects answers
  objects=$(grep -c '^kind: ' <<<"$1")
  answers=$(k apply --dry-run=server -f - <<<"$1")
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
  api=$(k -n default get endpoints kubernetes -o jsonpath='{.subsets[0].addresses[0].ip}/{.subsets[0].ports[0].port}')
  for pod in $(pods $NAMESPACE client); do
    within 20 answered $NAMESPACE "$pod" "$service/80" "$(k -n default get service kubernetes -o jsonpath='{.spec.clusterIP}')/443" "$api"
  done
  say "the service $service, the API server by its service and at $api"
}
answered() { ! ask "$@" | grep '^no '; }

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
      ! $program -t filter 2>/dev/null | grep IKAT- >/dev/null || return 0
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

# --- what happens to nodes ---

# Runs a command while a client of one node pings a server of the other, and a stranger tries to connect to it.
without_a_loss() { # COMMAND...
  local nodes servers client stranger server address before
  k apply -f "$HERE/objects/default-deny.yaml" -f "$HERE/objects/allow-client-all.yaml" -f "$HERE/objects/allow-client.yaml" >/dev/null
  within 10 none_reach $OTHER stranger $NAMESPACE web
  within 10 all_reach $NAMESPACE client $NAMESPACE web
  mapfile -t servers < <(pods $NAMESPACE web)
  server=${servers[0]}
  mapfile -t nodes < <(ready_nodes | grep -vFx "$(node_of $NAMESPACE "$server")")
  client=$(pod_on "${nodes[0]}" $NAMESPACE client)
  stranger=$(pod_on "${nodes[0]}" $OTHER stranger)
  before=$(restarts)
  address=$(k -n $NAMESPACE get pod "$server" -o jsonpath='{.status.podIP}')
  k -n $NAMESPACE exec "$client" -- sh -c "rm -f /tmp/ping; (ping -i 0.1 $address >/tmp/ping 2>&1; echo ended >>/tmp/ping) </dev/null >/dev/null 2>&1 & echo \$! >/tmp/ping.pid"
  k -n $OTHER exec "$stranger" -- sh -c "rm -f /tmp/passed /tmp/tries; $GET; (while :; do echo >>/tmp/tries; (get $address/8080 && echo >>/tmp/passed) & sleep 0.2; done) </dev/null >/dev/null 2>&1 & echo \$! >/tmp/loop.pid"
  "$@"
  sleep 2
  within 60 k -n $NAMESPACE exec "$client" -- sh -c :
  within 60 k -n $OTHER exec "$stranger" -- sh -c :
  k -n $NAMESPACE exec "$client" -- sh -c 'kill -INT $(ps | grep "[p]ing -i" | while read pid rest; do echo $pid; done)' || true
  k -n $OTHER exec "$stranger" -- sh -c 'kill $(cat /tmp/loop.pid)'
  sleep 0.5
  local statistics
  statistics=$(k -n $NAMESPACE exec "$client" -- grep transmitted /tmp/ping)
  say "$statistics; the stranger was denied $(k -n $OTHER exec "$stranger" -- sh -c 'grep -c "" /tmp/tries') times"
  grep -q ' 0% packet loss' <<<"$statistics" || wrong "packets were lost"
  k -n $OTHER exec "$stranger" -- sh -c '! [ -e /tmp/passed ]' || wrong "a denied connection passed"
  [ "$(restarts)" = "$before" ] || wrong "containers were restarted"
}
restarts() { k -n $NAMESPACE get pods -l app=web -o json | jq -c '[.items[] | [.metadata.uid, .status.containerStatuses[0].restartCount]] | sort'; }

new_pods_run() {
  k -n $NAMESPACE scale deployment web --replicas=6 >/dev/null
  within 90 k -n $NAMESPACE rollout status deployment/web --timeout=5s
  within 15 all_reach $NAMESPACE client $NAMESPACE web
  k -n $NAMESPACE scale deployment web --replicas=4 >/dev/null
  within 60 four_servers
}
four_servers() { [ "$(pods $NAMESPACE web | wc -l)" = 4 ]; }

service_restarted() { # SERVICE
  needs_console
  without_a_loss restart_everywhere "$1"
  within 60 nodes_all_ready
  new_pods_run
}
restart_everywhere() {
  local node
  for node in $(cluster nodes); do cluster restart "$node" "$1"; done
  sleep 5
}

pods_of_agents_deleted() {
  without_a_loss k delete pods -A -l app.kubernetes.io/name=ikat --wait
  within 90 agents_ready
  new_pods_run
}
agents_ready() { k get daemonsets -A -l app.kubernetes.io/name=ikat -o json | jq -e 'all(.items[].status; .desiredNumberScheduled > 0 and .numberReady == .desiredNumberScheduled)'; }

agents_killed() {
  needs_console
  without_a_loss kill_agents
  new_pods_run
}
kill_agents() {
  local node process
  for node in $(cluster nodes); do
    process=$(cluster pid "$node" ikat-agent)
    [ -n "$process" ] || wrong "there is no agent on $node"
    cluster enter "$node" kill -KILL "$process"
  done
  sleep 5
}

# A pod that comes while there is no agent waits, and starts when there is one again.
pod_waits_for_agent() {
  daemonset || needs_console
  trap start_agents EXIT
  stop_agents
  k -n $NAMESPACE scale deployment web --replicas=6 >/dev/null
  sleep 6
  [ "$(k -n $NAMESPACE get deployment web -o jsonpath='{.status.readyReplicas}')" = 4 ] || wrong "a pod became ready without an agent"
  start_agents
  trap - EXIT
  within 90 k -n $NAMESPACE rollout status deployment/web --timeout=5s
  within 15 all_reach $NAMESPACE client $NAMESPACE web
  k -n $NAMESPACE scale deployment web --replicas=4 >/dev/null
  within 60 four_servers
}

# A DaemonSet for nodes that there are none of has no pods.
stop_agents() {
  local node
  if daemonset; then
    select_nodes '"yes"'
    within 60 no_agents
  else
    for node in $(cluster nodes); do cluster stop "$node" ikat-agent; done
  fi
}
start_agents() {
  local node
  if daemonset; then
    select_nodes null
  else
    for node in $(cluster nodes); do cluster start "$node" ikat-agent; done
  fi
}
select_nodes() { # VALUE: of a label that no node has
  k get daemonsets -A -l app.kubernetes.io/name=ikat -o json | jq -r '.items[].metadata | .namespace + " " + .name' |
    while read -r namespace name; do
      k -n "$namespace" patch daemonset "$name" \
        -p "{\"spec\": {\"template\": {\"spec\": {\"nodeSelector\": {\"ikat-e2e/none\": $1}}}}}" >/dev/null </dev/null
    done
}
no_agents() { [ -z "$(k get pods -A -l app.kubernetes.io/name=ikat --no-headers)" ]; }

api_server_away() {
  needs_console
  without_a_loss api_server_restarted
  within 60 nodes_all_ready
  new_pods_run
  # What the API server says afterwards is heard: a policy changes who is let in.
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  within 20 all_reach $OTHER stranger $NAMESPACE web
}
api_server_restarted() {
  trap 'cluster start control kube-apiserver' EXIT
  cluster stop control kube-apiserver
  local node
  for node in $(cluster nodes); do cluster restart "$node" ikat-agent; done
  sleep 10
  cluster start control kube-apiserver
  within 60 k get --raw /readyz
}

node_drained_removed_and_back() {
  needs_console
  local nodes node stay
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  mapfile -t nodes < <(cluster nodes)
  stay=${nodes[0]} node=${nodes[-1]}
  # Again where the scheduler had not heard yet that the node takes no more pods.
  within 90 drained "$node"
  within 60 k -n $NAMESPACE rollout status deployment/web --timeout=5s
  local range
  range=$(k get node "$node" -o jsonpath='{.spec.podCIDR}')
  cluster enter "$stay" ip route show proto 107 | grep "$range" >/dev/null || wrong "$stay had no route to $range"
  cluster remove "$node"
  k delete node "$node" >/dev/null
  within 10 no_route "$stay" "$range"
  within 60 pods_only_on_others "$node"
  cluster add "$node"
  within 90 nodes_all_ready
  [ "$(ready_nodes | wc -l)" = "${#nodes[@]}" ] || wrong "not all nodes came back"
  rolled_out
  # Some servers on it again.
  rolling_update
  pods_reach_each_other
}
drained() {
  k drain "$1" --ignore-daemonsets --force --delete-emptydir-data --timeout=30s || return 1
  ! k -n $NAMESPACE get pods -l app=web -o wide --no-headers | grep -w "$1"
}
no_route() { ! cluster enter "$1" ip route show proto 107 | grep "$2"; }
pods_only_on_others() { ! k get pods -A -o wide --no-headers | grep -w "$1"; }

nothing_left() {
  needs_console
  k delete namespace $NAMESPACE $OTHER --wait >/dev/null
  local node
  for node in $(cluster nodes); do within 30 no_pod_links "$node"; done
}
no_pod_links() { ! cluster enter "$1" ip -o link show | grep -oE ' ik[0-9a-f]{11}[@:]'; }

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
for backend in ${backends//,/ }; do
  if [ "$own" = 1 ]; then case_ "$backend: put in force while pods run" use_backend "$backend"; fi
  case_ "$backend: NetworkPolicies are enforced" policies
  case_ "$backend: a new pod's first connections" first_packet
  if daemonset; then case_ "$backend: the agents' pods are deleted" pods_of_agents_deleted; fi
  case_ "$backend: the agents are killed" agents_killed
done
case_ "a pod that comes while there is no agent" pod_waits_for_agent
case_ "the kubelet is restarted" service_restarted kubelet
case_ "containerd is restarted" service_restarted containerd
case_ "the API server is away, and agents start meanwhile" api_server_away
case_ "a node is drained, removed, and comes back" node_drained_removed_and_back
if [ "$keep" = 0 ]; then case_ "nothing is left of the pods" nothing_left; fi
printf '%d passed, %d failed, %d skipped, in %d s\n' "$passed" "$failed" "$skipped" $((SECONDS - start))
[ "$failed" = 0 ]
