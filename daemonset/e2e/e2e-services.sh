# Sourced by e2e.sh: cases in which services go from kube-proxy to Ikat and back.

services_cases() {
  case_ "services move from kube-proxy to Ikat and back while connections last" services_move_and_come_back
}

readonly CONNECTIONS=100
# Of each connection what it says, a line a second, and what it hears, in files; and how many new ones were opened. A new one
# may need another attempt of TCP's while nobody has services. One after the other, since busybox's server has room for
# hardly more than one that it has not accepted yet.
readonly LOAD='
  rm -rf /tmp/load; mkdir /tmp/load; cd /tmp/load
  for number in $(seq $2); do
    (while [ ! -e end ]; do echo "line"; echo "line" >>"said-$number"; sleep 1; done | nc "$1" 7 >"heard-$number") </dev/null >/dev/null 2>&1 &
    sleep 0.2
  done
  (while [ ! -e end ]; do
    (echo new | timeout 15 nc -w 10 "$1" 7 | grep -q new && echo >>opened || echo "$(date)" >>refused) </dev/null >/dev/null 2>&1 &
    sleep 0.2
  done) </dev/null >/dev/null 2>&1 &'

services_move_and_come_back() {
  needs_console
  daemonset || exit 77
  kube_proxy_runs || exit 77
  k -n $NAMESPACE delete networkpolicy --all >/dev/null
  sed "s#IMAGE#$image#" "$HERE/objects/echo.yaml" | k apply -f - >/dev/null
  within 60 k -n $NAMESPACE rollout status daemonset/echo --timeout=5s
  local service client
  service=$(k -n $NAMESPACE get service echo -o jsonpath='{.spec.clusterIP}')
  client=$(pods $NAMESPACE client | sed -n 1p)
  k -n $NAMESPACE exec "$client" -- sh -c "$LOAD" sh "$service" $CONNECTIONS
  within 20 all_heard "$client"
  trap 'kube_proxies start; k -n kube-system set env daemonset/ikat -c agent IKAT_SERVICES- KUBERNETES_SERVICE_HOST- KUBERNETES_SERVICE_PORT- >/dev/null' EXIT

  agents_with IKAT_SERVICES=auto KUBERNETES_SERVICE_HOST=10.55.0.1 KUBERNETES_SERVICE_PORT=6443
  within 60 services_by 'not by Ikat'
  kube_proxies stop
  within 30 services_by 'nftables,' 'iptables,' 'ebpf,'
  remove_kube_proxys_rules
  say "$(each_agent status | grep '^services' | sort -u)"
  sleep 5
  all_heard "$client" || wrong "not all connections go on with Ikat's services"

  kube_proxies start
  within 90 services_by 'not by Ikat'
  agents_with IKAT_SERVICES-
  trap - EXIT
  k -n kube-system set env daemonset/ikat -c agent KUBERNETES_SERVICE_HOST- KUBERNETES_SERVICE_PORT- >/dev/null
  within 120 k -n kube-system rollout status daemonset/ikat --timeout=5s
  sleep 5
  all_heard "$client" || wrong "not all connections go on with kube-proxy's services"
  k -n $NAMESPACE exec "$client" -- sh -c 'echo >/tmp/load/end'
  sleep 16
  say "$CONNECTIONS connections lasted, $(k -n $NAMESPACE exec "$client" -- sh -c 'grep -c "" /tmp/load/opened') new ones were opened"
  k -n $NAMESPACE exec "$client" -- sh -c '! [ -e /tmp/load/refused ] || { cat /tmp/load/refused; exit 1; }' || wrong "new connections failed"
  k delete -f "$HERE/objects/echo.yaml" --wait=false >/dev/null 2>&1
}

kube_proxy_runs() {
  local node
  for node in $(cluster nodes); do [ -n "$(cluster pid "$node" kube-proxy)" ] || return 1; done
}
kube_proxies() { # start|stop
  local node
  for node in $(cluster nodes); do cluster "$1" "$node" kube-proxy; done
}
agents_with() { # NAME=VALUE...: as kubectl set env takes them
  k -n kube-system set env daemonset/ikat -c agent "$@" >/dev/null
  k -n kube-system rollout status daemonset/ikat --timeout=180s >/dev/null
}
each_agent() { # WORD...: what ikat-agent is to do
  local pod
  for pod in $(k -n kube-system get pods -l app.kubernetes.io/name=ikat -o jsonpath='{.items[*].metadata.name}'); do
    k -n kube-system exec "$pod" -c agent -- /opt/ikat/agent/bin/ikat-agent "$@" || return 1
  done
}
remove_kube_proxys_rules() { each_agent migrate --from kube-proxy --remove >/dev/null; }
services_by() { # WORDS...: one of which each agent's status has behind "services"
  local lines wanted
  lines=$(each_agent status | grep '^services')
  [ "$(wc -l <<<"$lines")" = "$(cluster nodes | wc -l)" ] || { echo "$lines"; return 1; }
  wanted=$(IFS='|'; echo "$*")
  ! grep -vE "^services +($wanted)" <<<"$lines"
}

# Each has heard what it said until just now, and has said something since the last time.
all_heard() { # POD
  k -n $NAMESPACE exec "$1" -- sh -c 'cd /tmp/load
    for number in $(seq $1); do
      said=$(grep -c "" "said-$number") heard=$(grep -c "" "heard-$number") last=0
      [ ! -e "asked-$number" ] || last=$(cat "asked-$number")
      if [ "$said" -gt "$last" ] && [ "$heard" -gt "$last" ] && [ $((said - heard)) -le 2 ]; then
        echo "$said" >"asked-$number"
      else
        echo "connection $number said $said lines and heard $heard; before $last"
        failed=1
      fi
    done
    [ -z "$failed" ]' sh $CONNECTIONS
}
