#!/usr/bin/env bash
# Measures the network plugin that the test cluster has, in the network namespace of its control plane; called by peers.sh.
# Appends to SAMPLES lines of ORDER, MEASURE, WHO, less|more (what is better) and VALUE, separated by tabs.
# usage: measure.sh WHO PROCESS yes|no PROBE SAMPLES    (PROCESS: of what the agent is found by; yes: quick)
set -euo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
readonly WHO=$1 PROCESS=$2 QUICK=$3 PROBE=$4 SAMPLES=$5
readonly RUN=$CACHE/running NAMESPACE=peers PORT=8901 EVERY_US=2000 LIMIT_MS=200
if [ "$QUICK" = yes ]; then
  readonly STARTS=10 BURSTS=1 CHANGES=5 SECONDS_EACH=2 TRIPS=2000 WATCH=15
else
  readonly STARTS=30 BURSTS=3 CHANGES=15 SECONDS_EACH=5 TRIPS=20000 WATCH=30
fi

fail() {
  printf 'peers: %s: %s\n' "$WHO" "$*" >&2
  exit 1
}

say() { printf 'peers: %s: %s\n' "$WHO" "$*"; }
cluster() { "$HERE/cluster.sh" "$@"; }
sample() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$WHO" "$3" "$4" >>"$SAMPLES"; }
now_us() { echo "${EPOCHREALTIME/./}"; }
ms_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b - a) / 1000 }'; }

work=$(mktemp -d) children=()
finish() {
  [ "${#children[@]}" = 0 ] || kill "${children[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

await() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "$what did not come in time"
    sleep 0.1
  done
}

# --- the API, without a program's start for each request ---

# Sets SENT, the moment of the request, and STATUS; fails where nobody answers.
api() { # METHOD PATH [CONTENT-TYPE BODY]
  local body=${4:-}
  exec 9<>"/dev/tcp/127.0.0.1/$PORT" || return
  SENT=$(now_us)
  printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "${3:-application/json}" "${#body}" "$body" >&9
  read -r _ STATUS _ <&9 || STATUS=none
  exec 9<&- 9>&-
}

changed() { # what 'api' takes: fails unless it is done
  api "$@" && [[ $STATUS == 2* ]] || fail "the API answers $1 $2 with ${STATUS:-nothing}"
}

pods=/api/v1/namespaces/$NAMESPACE/pods policies=/apis/networking.k8s.io/v1/namespaces/$NAMESPACE/networkpolicies

pod_json() { # NAME NODE LABELS-AS-JSON COMMAND
  jq -nc --arg name "$1" --arg node "$2" --argjson labels "$3" --arg command "$4" '{apiVersion: "v1", kind: "Pod",
    metadata: {name: $name, labels: $labels}, spec: {nodeName: $node, terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false, enableServiceLinks: false, containers: [{name: "box",
    image: "localhost/ikat-e2e/box:1", imagePullPolicy: "Never", command: ["sh", "-c", $command]}]}}'
}

readonly SLEEP='trap "exit 0" TERM; sleep 100000 & wait'

gone() { # POD
  api GET "$pods/$1" && [ "$STATUS" = 404 ]
}

# --- the pods that talk ---

# The node's first process, as it is numbered here.
init_of() { # NODE
  cut -d' ' -f1 "/proc/$(cat "$RUN/$1/outer")/task/$(cat "$RUN/$1/outer")/children"
}

# Of the node's own file system, seen from here; the runtime's path has a link in it, which would lead into this one's.
netns_of() { # NODE POD
  local id path
  id=$(cluster enter "$1" crictl pods --namespace "$NAMESPACE" --name "^$2\$" -q | head -n 1)
  path=$(cluster enter "$1" crictl inspectp "$id" |
    jq -r '.info.runtimeSpec.linux.namespaces[] | select(.type == "network") | .path')
  path=/proc/$(init_of "$1")/root$(cluster enter "$1" readlink -f "$path")
  [ -f "$path" ] || fail "pod $2 has no network namespace $path"
  echo "$path"
}

start_pods() {
  cluster kubectl create namespace "$NAMESPACE" >/dev/null
  await 30 "the service account" cluster kubectl -n "$NAMESPACE" get serviceaccount default
  cluster kubectl proxy --port=$PORT --reject-methods='^$' --accept-hosts='.*' >"$work/proxy.log" 2>&1 &
  children+=($!)
  await 10 "kubectl proxy" api GET /readyz
  local name node=1
  for name in server near far; do
    [ "$name" != far ] || node=2
    changed POST "$pods" application/json "$(pod_json "$name" "node-$node" "{\"app\": \"$name\"}" "$SLEEP")"
  done
  cluster kubectl -n "$NAMESPACE" wait --for=condition=Ready pod --all --timeout=60s >/dev/null || fail "no pod becomes ready"
  server=$(netns_of node-1 server)
  near=$(netns_of node-1 near)
  far=$(netns_of node-2 far)
  address=$(cluster kubectl -n "$NAMESPACE" get pod server -o jsonpath='{.status.podIP}')
  near_address=$(cluster kubectl -n "$NAMESPACE" get pod near -o jsonpath='{.status.podIP}')
  nsenter --net="$server" -- taskset -c 0 "$PROBE" serve -k 8080 >/dev/null 2>&1 &
  children+=($!)
}

connects() { # NETNS: to the server
  [[ $("$PROBE" check -t 400 <<<"x $1 tcp $address 8080 4") == "x ok"* ]]
}

refused() { ! connects "$1"; }

deny() {
  changed POST "$policies" application/json '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
    "metadata": {"name": "deny"}, "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]}}'
}

allow() { changed DELETE "$policies/deny"; }

# No figure without it.
check_enforcement() {
  local netns
  for netns in "$near" "$far"; do await 30 "a connection that nothing denies" connects "$netns"; done
  deny
  for netns in "$near" "$far"; do await 60 "the refusal of a connection that a policy denies" refused "$netns"; done
  allow
  for netns in "$near" "$far"; do await 60 "a connection after the policy has gone" connects "$netns"; done
  say "it refuses what a policy denies, on the node and across nodes"
}

# --- pods that start and end ---

# Seconds and count that containerd spent on an operation of the network plugin.
plugin_time() { # NODE OPERATION
  nsenter --net="/run/netns/ikat-$1" -- "$PROBE" get 127.0.0.1 1338 /v1/metrics 5 | tr -d '\r' |
    awk -v op="operation_type=\"$2\"" 'index($0, "network_plugin_operations_duration_seconds_") && index($0, op) {
      if ($1 ~ /_sum/) sum = $NF; if ($1 ~ /_count/) count = $NF } END { printf "%.9f %d\n", sum, count }'
}

# The one operation since; nothing where there were more, as after a failure.
plugin_sample() { # ORDER MEASURE NODE OPERATION BEFORE
  local after
  after=$(plugin_time "$3" "$4")
  awk -v before="$5" -v after="$after" 'BEGIN { split(before, b, " "); split(after, a, " ")
    if (a[2] - b[2] == 1) printf "%.3f\n", (a[1] - b[1]) * 1000 }' >"$work/operation"
  [ ! -s "$work/operation" ] || sample "$1" "$2" less "$(cat "$work/operation")"
}

measure_starts() {
  local i name node sent before lines
  # Before anybody reads it, which the shell of the background would not promise.
  : >"$work/met"
  "$PROBE" meet "$near" 9000 8080 >>"$work/met" &
  children+=($!)
  for ((i = 0; i < STARTS; i++)); do
    name=start-$i node=node-$((i % 2 + 1)) lines=$(wc -l <"$work/met")
    before=$(plugin_time "$node" set_up_pod)
    changed POST "$pods" application/json "$(pod_json "$name" "$node" '{"app": "start"}' \
      "trap 'exit 0' TERM; nc -ll -p 8080 -e hostname & until nc $near_address 9000 </dev/null; do :; done; wait")"
    sent=$SENT
    await 30 "the first byte of a new pod" eval '[ "$(wc -l <"$work/met")" -gt "$lines" ]'
    [ "$(tail -n 1 "$work/met")" != failed ] || fail "a new pod does not answer"
    sample 1 "a pod's creation to its first byte, ms" less "$(ms_between "$sent" "$(tail -n 1 "$work/met")")"
    plugin_sample 3 "ADD as containerd sees it, ms" "$node" set_up_pod "$before"
    before=$(plugin_time "$node" tear_down_pod)
    changed DELETE "$pods/$name"
    await 60 "the end of a pod" gone "$name"
    plugin_sample 4 "DEL as containerd sees it, ms" "$node" tear_down_pod "$before"
  done
  say "$STARTS pods started and ended one by one"
}

measure_burst() {
  local i begun
  for ((i = 0; i < 30; i++)); do pod_json "burst-$i" "node-$((i % 2 + 1))" '{"app": "burst"}' "$SLEEP"; done >"$work/burst.json"
  begun=$(now_us)
  cluster kubectl -n "$NAMESPACE" create -f - <"$work/burst.json" >/dev/null
  cluster kubectl -n "$NAMESPACE" wait --for=condition=Ready pod -l app=burst --timeout=180s >/dev/null || fail "30 pods don't become ready"
  sample 2 "30 pods at once until all are Ready, s" less "$(awk -v ms="$(ms_between "$begun" "$(now_us)")" 'BEGIN { print ms / 1000 }')"
  cluster kubectl -n "$NAMESPACE" delete pod -l app=burst --wait --timeout=180s >/dev/null
  say "30 pods at once were ready"
}

# --- packets ---

listens() { # NETNS PORT
  nsenter --net="$1" -- ss -Hltn "sport = :$2" | grep -q .
}

measure_traffic() {
  local place netns i
  nsenter --net="$server" -- taskset -c 0 iperf3 -s -p 5201 >/dev/null 2>&1 &
  children+=($!)
  await 10 "iperf3's server" listens "$server" 5201
  for place in near far; do
    netns=${!place}
    local where='on one node' order=5
    [ "$place" = near ] || { where='across nodes'; order=6; }
    for i in 1 2 3; do
      nsenter --net="$netns" -- taskset -c 1 iperf3 -J -c "$address" -p 5201 -t "$SECONDS_EACH" >"$work/iperf" || fail "iperf3 failed $where"
      sample $order "a TCP stream $where, Gbit/s" more "$(jq .end.sum_received.bits_per_second/1e9 "$work/iperf")"
      # What others do on the machine takes from the stream, but hardly adds to this.
      sample $((order + 2)) "the CPU time of both its ends $where, ms for 1 GB" less "$(jq '.end | (.cpu_utilization_percent |
        .host_total + .remote_total) * 10 * .sum_received.seconds / (.sum_received.bytes / 1e9)' "$work/iperf")"
    done
    # Both ends on one processor: then round trips are of one kind. Means of 100.
    taskset -c 0 "$PROBE" trips "$netns" "$address" 8080 "$TRIPS" | awk '{ sum += $1 } NR % 100 == 0 { print sum / 100; sum = 0 }' >"$work/trips"
    while read -r i; do sample $((order + 4)) "a round trip by TCP $where, µs" less "$i"; done <"$work/trips"
  done
  say "streams and round trips"
}

# --- policies ---

# Ten pods on node-1, and policies each of which selects one of them.
add_policies() { # FROM TO
  local i
  if [ "$1" = 0 ]; then
    for ((i = 0; i < 10; i++)); do pod_json "group-$i" node-1 "{\"group\": \"g$i\", \"peer\": \"p$i\"}" "$SLEEP"; done |
      cluster kubectl -n "$NAMESPACE" create -f - >/dev/null
    cluster kubectl -n "$NAMESPACE" wait --for=condition=Ready pod -l group --timeout=90s >/dev/null
  fi
  for ((i = $1; i < $2; i++)); do
    changed POST "$policies" application/json "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\",
      \"metadata\": {\"name\": \"other-$i\"}, \"spec\": {\"podSelector\": {\"matchLabels\": {\"group\": \"g$((i % 10))\"}},
      \"ingress\": [{\"from\": [{\"podSelector\": {\"matchLabels\": {\"peer\": \"p$((i * 7 % 100))\"}}}], \"ports\": [{\"port\": $((1000 + i))}]}]}}"
  done
  say "$2 policies are there"
}

# When the first of ten attempts in a row began that all came to this end, none earlier than SINCE-US.
first_of_run() { # accepted|refused SINCE-US
  awk -v wanted="$1" -v since="$2" '$1 >= since { if ($2 != wanted) run = 0; else { if (!run++) begun = $1; if (run == 10) { print begun; exit } } }' \
    <(sort -n "$work/attempts")
}

await_effect() { # accepted|refused SINCE-US: sets EFFECT
  local end=$((SECONDS + 120))
  until EFFECT=$(first_of_run "$1" "$2"); [ -n "$EFFECT" ]; do
    [ "$SECONDS" -lt "$end" ] || fail "no connection was $1 for two minutes after the policy's change"
    sleep 0.1
  done
}

measure_policies() { # HOW-MANY ORDER
  local i watcher
  for ((i = 0; i < CHANGES; i++)); do
    : >"$work/attempts"
    "$PROBE" attempts "$far" "$address" 8080 $EVERY_US $LIMIT_MS >>"$work/attempts" &
    watcher=$!
    children+=("$watcher")
    await_effect accepted 0
    deny
    await_effect refused "$SENT"
    sample "$2" "a policy that denies, until a connection is refused, $1 policies, ms" less "$(ms_between "$SENT" "$EFFECT")"
    # The agent is to be at rest, as before the first change.
    sleep 0.5
    allow
    await_effect accepted "$SENT"
    sample $(($2 + 1)) "that policy's end, until a connection is accepted, $1 policies, ms" less "$(ms_between "$SENT" "$EFFECT")"
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
  done
  say "$CHANGES changes of a policy beside $1"
}

# --- the agent ---

# The process on node-1, by its number here.
agent_of_node() {
  local init pid
  init=$(init_of node-1)
  for pid in $(pgrep -f -- "$PROCESS"); do
    if [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/$init/ns/pid")" ] && [[ $(cat "/proc/$pid/comm") != @(env|setsid|bash|sh|nsenter) ]]; then
      echo "$pid"
      return
    fi
  done
  fail "its process does not run on node-1"
}

# Of the process, and of its children that have ended: peers change the kernel's rules by programs that they start.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 + $14 + $15 }'; }

cpu_sample() { # ORDER MEASURE PID TICKS-BEFORE BEGUN-US
  sample "$1" "$2" less "$(awk -v ticks=$(($(ticks "$3") - $4)) -v hertz="$(getconf CLK_TCK)" -v us=$(($(now_us) - $5)) \
    'BEGIN { printf "%.3f", ticks / hertz / (us / 1e6) * 100 }')"
}

# Pages of files count as its own only where they are no file's any more: where a file lies must not change a figure.
memory_sample() { # ORDER WHEN PID
  sample "$1" "the agent's memory $2, MiB: resident" less "$(awk '/^Rss:/ { print $2 / 1024 }' "/proc/$3/smaps_rollup")"
  sample $(($1 + 1)) "the agent's memory $2, MiB: of that its own, no pages of files" less "$(awk '/^Anonymous:/ { print $2 / 1024 }' "/proc/$3/smaps_rollup")"
}

measure_agent() {
  local agent before begun i=0 due
  agent=$(agent_of_node)
  memory_sample 20 "with 1,000 policies" "$agent"
  before=$(ticks "$agent") begun=$(now_us)
  sleep "$WATCH"
  cpu_sample 22 "the agent's CPU when nothing changes, % of one" "$agent" "$before" "$begun"
  before=$(ticks "$agent") begun=$(now_us)
  while [ $(($(now_us) - begun)) -lt $((WATCH * 1000000)) ]; do
    changed PATCH "$pods/group-$((i % 10))" application/merge-patch+json "{\"metadata\": {\"labels\": {\"peer\": \"p$((i % 97))\"}}}"
    i=$((i + 1)) due=$((begun + i * 50000 - $(now_us)))
    [ "$due" -le 0 ] || sleep "$(awk -v us="$due" 'BEGIN { print us / 1e6 }')"
  done
  # No figure of a load that there was not.
  if [ "$i" -ge $((WATCH * 18)) ]; then
    cpu_sample 23 "the agent's CPU while 20 pods a second change their labels, % of one" "$agent" "$before" "$begun"
  else
    say "no figure of the CPU under changes: the machine was too busy for more than $((i / WATCH)) of 20 a second"
  fi
  memory_sample 24 "after these changes" "$agent"
  say "memory and CPU"
}

start_pods
check_enforcement
measure_starts
for ((burst = 0; burst < BURSTS; burst++)); do measure_burst; done
measure_traffic
add_policies 0 10
measure_policies 10 11
add_policies 10 1000
measure_policies 1,000 13
measure_agent
