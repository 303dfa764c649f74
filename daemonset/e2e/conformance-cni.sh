# Sourced by conformance.sh: the CNI project's own caller and its reference plugins, in a node of their own and in
# network namespaces that stand for pods.

run_cni() {
  local log=$RUN/conformance-cni-$backend.log
  local tuning='{"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}' portmap='{"type": "portmap", "capabilities": {"portMappings": true}}'
  local firewall='{"type": "firewall", "backend": "iptables"}'
  local bandwidth='{"type": "bandwidth", "ingressRate": 80000000, "ingressBurst": 8000000, "egressRate": 80000000, "egressBurst": 8000000}'
  "$HERE/programs.sh" cnitool plugins
  : >"$work/results"
  echo "conformance: cni with $backend: cnitool $(module_version cnitool) and the reference plugins $(module_version plugins); log: $log"
  # A node without pods: GC takes all that its caller does not name, and cnitool names nothing.
  node=node-9
  cluster add $node
  trap 'cluster remove $node; cluster kubectl delete node $node >/dev/null; finish' EXIT
  cluster kubectl cordon $node >/dev/null
  cluster kubectl wait --for=condition=Ready node/$node --timeout=120s >/dev/null
  : >"$log"
  cni_case "ADD gives the pod an address of each family" cni_add
  cni_case "CHECK finds the pod in order, and finds that its address is gone" cni_check
  cni_case "DEL takes everything back, and is repeated without an error" cni_del
  cni_case "STATUS succeeds while the agent is there" cni_status
  cni_case "GC without a list of what is valid deletes what libcni knows, and is refused" cni_gc
  cni_case "ADD and DEL for two interfaces of one pod" cni_two_interfaces
  cni_case "a chain with tuning" cni_chained tuning "$tuning"
  cni_case "a chain with bandwidth" cni_chained bandwidth "$bandwidth"
  cni_case "a chain with portmap" cni_chained portmap "$portmap"
  cni_case "a chain with sbr" cni_chained sbr '{"type": "sbr"}'
  cni_case "a chain with firewall" cni_chained firewall "$firewall"
  cni_case "a chain with all of them" cni_chained all "$tuning" "$bandwidth" "$portmap" "$firewall"
  cluster remove $node
  cluster kubectl delete node $node >/dev/null
  trap finish EXIT
  report cni "The CNI project's cnitool and reference plugins" "./dev conformance cni --backend $backend" "$work/results" ''
}

module_version() { # MODULE
  sed -nE "s#.*containernetworking/${1/cnitool/cni} (v[^ ]*).*#\1#p" "$HERE/kubernetes/$1/go.mod" | head -1
}

# In the node; cnitool looks for configurations in $CONFIG.
cni_case() { # NAME FUNCTION ARGUMENT...
  local name=$1 status=0 start words
  [ -z "$only" ] || [[ $name =~ $only ]] || return 0
  shift
  start=$(date +%s.%N)
  words=$({ declare -f in_pod cnitool_ fresh host_links gone "$1" cni_wrong configuration outside; printf '%q ' "$@"; } |
    cluster enter "$node" env TOOL="$CACHE/cnitool/cnitool" PLUGINS="$CACHE/plugins" bash -euo pipefail -s 2>&1) || status=$?
  # Whatever was made, if the case ended early.
  cluster enter "$node" bash -c 'for pod in $(ip netns list | cut -d" " -f1 | grep ^cni-suite-); do ip netns del "$pod"; done; for link in $(ip -o link show type ifb | cut -d: -f2); do ip link del $link; done; rm -rf /run/cni-suite'
  printf '%s\n%s\n' "== $name: $status" "$words" >>"$log"
  words=$(tail -n 3 <<<"$words" | tr '\n\t' '  ')
  printf '%s\t%s\t%s\t%s\n' "$([ "$status" = 0 ] && echo passed || echo failed)" \
    "$(awk "BEGIN { print $(date +%s.%N) - $start }")" "$name" "$words" >>"$work/results"
  printf 'conformance: %-6s %s%s\n' "$([ "$status" = 0 ] && echo ok || echo failed)" "$name" "$([ "$status" = 0 ] || echo ": $words")"
}

# --- what runs in the node ---

cni_wrong() {
  echo "$*"
  exit 1
}

# A list of Ikat and what is chained after it, under a name of its own.
configuration() { # PLUGIN-AS-JSON...
  local plugins='{"type": "ikat", "capabilities": {"ips": true}}' plugin
  for plugin in "$@"; do plugins+=", $plugin"; done
  mkdir -p /run/cni-suite/bin
  cp "$PLUGINS"/* /run/cni-suite/bin/
  cp -a /opt/cni/bin/. /run/cni-suite/bin/
  cp "$PLUGINS"/* /run/cni-suite/bin/
  printf '{"cniVersion": "1.1.0", "name": "ikat", "plugins": [%s]}' "$plugins" >/run/cni-suite/10-suite.conflist
}

cnitool_() { # VERB NAMESPACE
  NETCONFPATH=/run/cni-suite CNI_PATH=/run/cni-suite/bin CNI_ARGS="IgnoreUnknown=1" CNI_IFNAME="${INTERFACE:-eth0}" \
    "$TOOL" "$1" ikat "/run/netns/$2"
}

fresh() { # NAMESPACE
  ip netns add "$1"
  ip -n "$1" link set lo up
}

in_pod() { # NAMESPACE COMMAND...
  ip netns exec "$@"
}

# The API server's machine is outside the cluster's pods.
outside() { # NAMESPACE
  in_pod "$1" ping -c 1 -W 2 10.55.0.1 >/dev/null && in_pod "$1" ping -6 -c 1 -W 2 fd55::1 >/dev/null
}

host_links() {
  ip -o link show | grep -c ': ik[0-9a-f]' || true
}

# DEL does not wait for the link's end.
gone() { # NUMBER: of links that there were before
  local tries=0
  while [ "$(host_links)" != "$1" ]; do
    [ $((tries += 1)) -lt 50 ] || cni_wrong "a link is left"
    sleep 0.2
  done
}

cni_add() {
  configuration
  fresh cni-suite-a
  cnitool_ add cni-suite-a | tee /run/cni-suite/result
  jq -e '.cniVersion == "1.1.0" and (.ips | length == 2) and any(.interfaces[]; .sandbox == "/run/netns/cni-suite-a" and .name == "eth0")' \
    /run/cni-suite/result >/dev/null
  in_pod cni-suite-a ip -o addr show dev eth0
  outside cni-suite-a || cni_wrong "nothing outside is reached"
  cnitool_ del cni-suite-a
}

cni_check() {
  configuration
  fresh cni-suite-a
  cnitool_ add cni-suite-a >/dev/null
  cnitool_ check cni-suite-a
  in_pod cni-suite-a ip addr flush dev eth0
  ! cnitool_ check cni-suite-a || cni_wrong "CHECK did not see that the addresses are gone"
  cnitool_ del cni-suite-a
}

cni_del() {
  local links
  configuration
  links=$(host_links)
  fresh cni-suite-a
  cnitool_ add cni-suite-a >/dev/null
  cnitool_ del cni-suite-a
  cnitool_ del cni-suite-a
  gone "$links"
  ! in_pod cni-suite-a ip link show dev eth0 2>/dev/null || cni_wrong "the pod has its interface still"
}

cni_status() {
  configuration
  fresh cni-suite-a
  cnitool_ status cni-suite-a
}

cni_two_interfaces() {
  configuration
  fresh cni-suite-a
  cnitool_ add cni-suite-a >/dev/null
  INTERFACE=net1 cnitool_ add cni-suite-a >/dev/null
  in_pod cni-suite-a ip -o addr show | grep ' net1 '
  INTERFACE=net1 cnitool_ del cni-suite-a
  outside cni-suite-a
  cnitool_ del cni-suite-a
}

# cnitool names no attachments. libcni then deletes those of its own cache; and a GC without the list of those that are valid
# is refused, since it would take every pod of the node.
cni_gc() {
  local links words
  configuration
  links=$(host_links)
  fresh cni-suite-a
  fresh cni-suite-b
  cnitool_ add cni-suite-a >/dev/null
  cnitool_ add cni-suite-b >/dev/null
  ! words=$(cnitool_ gc cni-suite-a 2>&1) || cni_wrong "a GC that names nothing as valid was taken"
  grep -q "cni.dev/valid-attachments" <<<"$words" || cni_wrong "$words"
  gone "$links"
}

cni_chained() { # NAME PLUGIN-AS-JSON...
  local name=$1 links
  shift
  # cnitool gives it to plugins with such a capability.
  export CAP_ARGS='{"portMappings": [{"hostPort": 18080, "containerPort": 8080, "protocol": "tcp"}]}'
  links=$(host_links)
  configuration "$@"
  fresh cni-suite-a
  cnitool_ add cni-suite-a >/dev/null
  outside cni-suite-a || cni_wrong "nothing outside is reached"
  cnitool_ check cni-suite-a
  case $name in
    tuning | all) [ "$(in_pod cni-suite-a sysctl -n net.core.somaxconn)" = 500 ] || cni_wrong "the pod's setting is not what tuning sets" ;;&
    bandwidth | all) tc qdisc show | grep -E 'tbf|htb' >/dev/null || cni_wrong "bandwidth has limited nothing" ;;&
    portmap | all)
      in_pod cni-suite-a timeout 10 busybox nc -l -p 8080 </dev/null >/dev/null &
      sleep 0.5
      busybox nc -w 2 10.55.0.19 18080 </dev/null || cni_wrong "the host's port leads nowhere"
      ;;
  esac
  cnitool_ del cni-suite-a
  gone "$links"
}
