# Sourced by e2e.sh: cases in which something ends, or is replaced, while pods talk to each other.

# Runs a command while a client of one node pings a server of the other, and a stranger tries to connect to it.
without_a_loss() { # COMMAND...
  local nodes servers client stranger server address before
  k apply -f "$HERE/objects/default-deny.yaml" -f "$HERE/objects/allow-client-all.yaml" -f "$HERE/objects/allow-client.yaml" >/dev/null
  within 10 none_reach $OTHER stranger $NAMESPACE web
  within 10 all_reach $NAMESPACE client $NAMESPACE web
  mapfile -t servers < <(pods $NAMESPACE web)
  server=${servers[0]}
  mapfile -t nodes < <(nodes_with $NAMESPACE client | grep -vFx "$(node_of $NAMESPACE "$server")")
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
  local statistics lost
  statistics=$(k -n $NAMESPACE exec "$client" -- grep transmitted /tmp/ping)
  say "$statistics; the stranger was denied $(k -n $OTHER exec "$stranger" -- sh -c 'grep -c "" /tmp/tries') times"
  lost=$(k -n $NAMESPACE exec "$client" -- cat /tmp/ping | unanswered)
  [ -z "$lost" ] || wrong "packets were lost, after so many tenths of a second: $lost"
  k -n $OTHER exec "$stranger" -- sh -c '! [ -e /tmp/passed ]' || wrong "a denied connection passed"
  [ "$(restarts)" = "$before" ] || wrong "containers were restarted"
}
# Which of ping's packets have no answer. The last one may have been on its way when ping ended; that is no loss.
unanswered() {
  awk 'BEGIN { last = -1 }
    match($0, /seq=[0-9]+/) { last = substr($0, RSTART + 4, RLENGTH - 4) + 0; there[last] = 1 }
    /transmitted/ { sent = $1 }
    END {
      for (i = 0; i < last; i++) if (!(i in there)) printf "%d ", i
      if (sent == 0 || sent > last + 2) printf "all from %d on", last + 1
    }'
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
  local before
  before=$(ready_since)
  without_a_loss k delete pods -A -l app.kubernetes.io/name=ikat --wait
  within 90 agents_ready
  # Otherwise the cluster would have taken their pods out of services.
  [ "$(ready_since)" = "$before" ] || wrong "a node was not ready meanwhile: $(ready_since), before $before"
  new_pods_run
}
ready_since() {
  k get nodes -o json | jq -c '[.items[] | [.metadata.name, (.status.conditions[] | select(.type == "Ready") | .status + " since " + .lastTransitionTime)]]'
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
  local nodes node stay runtime
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  mapfile -t nodes < <(cluster nodes)
  stay=${nodes[0]} node=${nodes[-1]}
  # Such as cri-o://1.36.3.
  runtime=$(k get node "$node" -o jsonpath='{.status.nodeInfo.containerRuntimeVersion}' | sed 's/:.*//; s/-//')
  # Again where the scheduler had not heard yet that the node takes no more pods.
  within 90 drained "$node"
  within 60 k -n $NAMESPACE rollout status deployment/web --timeout=5s
  local range
  range=$(k get node "$node" -o jsonpath='{.spec.podCIDR}')
  cluster enter "$stay" ip route show proto 107 | grep "$range" >/dev/null || wrong "$stay had no route to $range"
  cluster remove "$node"
  k delete node "$node" >/dev/null
  within 10 no_route "$stay" "$range"
  # The garbage collector looks each 20 s for pods whose node is gone, and gives that node 40 s to come back.
  within 120 pods_only_on_others "$node"
  cluster add "$node" --runtime "$runtime"
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

