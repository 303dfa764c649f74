# Sourced by e2e.sh: ikat-controller, the addresses that it gives to services, and the ways by which clients outside reach them.

load_balancer_cases() {
  case_ "a service of type LoadBalancer gets an address of a pool" address_of_a_pool
  case_ "the API server refuses BGP objects that make no sense" bgp_objects_checked
  case_ "a router outside learns by BGP where a service is" outside_by_bgp
  case_ "a node answers for a service's address by ARP and NDP" outside_by_arp
}

controller_there() {
  k apply -k "$DEPLOY/controller" >/dev/null
  within 30 k wait --for=condition=Established crd/addresspools.ikat.dev --timeout=5s
  within 120 k -n kube-system rollout status deployment/ikat-controller --timeout=5s
}

address_of_a_pool() {
  needs_console
  daemonset || exit 77
  trap controller_gone EXIT
  controller_there
  k apply -f "$HERE/objects/load-balancer.yaml" >/dev/null
  within 20 addresses_are outside '["203.0.113.64","2001:db8:64::1"]'

  local address client
  for client in $(pods $NAMESPACE client); do
    for address in 203.0.113.64 2001:db8:64::1; do
      within 20 answered $NAMESPACE "$client" "$address/80"
    done
  done

  k apply -f "$HERE/objects/load-balancer-second.yaml" >/dev/null
  within 20 told outside-second
  [ -z "$(ingress outside-second)" ] || wrong "an address was given twice: $(ingress outside-second)"
  say "$(k -n $NAMESPACE get events --field-selector involvedObject.name=outside-second -o jsonpath='{.items[0].message}')"
  # The one that leads goes, and with it the first service: the other replica gives its address to the second.
  k -n kube-system delete pod --wait=false "$(k -n kube-system get lease ikat-controller -o jsonpath='{.spec.holderIdentity}')" >/dev/null
  k -n $NAMESPACE delete service outside --wait >/dev/null
  within 40 addresses_are outside-second '["203.0.113.64"]'
  trap - EXIT
  controller_gone
}
controller_gone() {
  k -n $NAMESPACE delete service outside outside-second --ignore-not-found --wait=false >/dev/null 2>&1
  k delete -k "$DEPLOY/controller" --ignore-not-found --wait=false >/dev/null 2>&1
}
ingress() { k -n $NAMESPACE get service "$1" -o jsonpath='{.status.loadBalancer.ingress[*].ip}'; }
addresses_are() { # SERVICE JSON
  k -n $NAMESPACE get service "$1" -o json | jq -ce --argjson wanted "$2" '[.status.loadBalancer.ingress[]?.ip] == $wanted'
}
told() { # SERVICE: an event warns of it
  k -n $NAMESPACE get events --field-selector "involvedObject.name=$1,type=Warning" -o json | jq -e '.items | length > 0'
}

# The cluster's fabric is in the control plane's namespace, which is no node: what is there is outside.
outside() { cluster enter control "$@"; }
outside_reaches() { # ADDRESS...
  local address
  for address in "$@"; do outside busybox sh -c "$GET; get $address/80" || { echo "$address does not answer"; return 1; }; done
}

bgp_definitions_there() {
  k apply -k "$DEPLOY/bgp" >/dev/null
  within 30 k wait --for=condition=Established crd/bgppeers.ikat.dev crd/bgpadvertisements.ikat.dev --timeout=5s
}

bgp_objects_checked() {
  trap 'k delete -k "$DEPLOY/bgp" --wait=false >/dev/null' EXIT
  bgp_definitions_there
  within 10 tried BgpPeer 'address: 192.0.2.1, as: 64500'
  tried BgpPeer 'interface: eth1, as: 64500, extendedNextHop: true' >/dev/null
  tried BgpPeer 'address: "fe80::1", interface: eth1, as: 4294967295' >/dev/null
  tried BgpPeer 'address: "::ffff:192.0.2.1", as: 1, accept: [{cidr: 10.0.0.0/8, maxLength: 24}]' >/dev/null
  refused BgpPeer 'as: 64500' 'a router is known by its address'
  refused BgpPeer 'address: 192.0.2.1, as: 0' 'greater than or equal to 1'
  refused BgpPeer 'address: 192.0.2, as: 64500' 'spec.address'
  refused BgpPeer 'address: 127.0.0.1, as: 64500' 'no router has such an address'
  refused BgpPeer 'address: "fe80::1", as: 64500' 'needs an interface'
  refused BgpPeer 'interface: eth1, as: 64500, port: 1179' 'leave out port'
  refused BgpPeer 'address: 192.0.2.1, interface: eth1, multihop: 2, as: 64500' 'leave out multihop or interface'
  refused BgpPeer 'address: 192.0.2.1, as: 64500, accept: [{cidr: 10.0.0.0/8, minLength: 4}]' "shorter than the block's own"
  refused BgpPeer 'address: 192.0.2.1, as: 64500, accept: [{cidr: 10.0.0.0/8, maxLength: 64}]' 'at most 32 bits'
  refused BgpAdvertisement 'podCidrs: false' 'it announces nothing'
  refused BgpAdvertisement 'podCidrs: true, communities: ["70000:1"]' 'at most 65535'
  refused BgpAdvertisement 'services: [NodePort]' 'Unsupported value'
  trap - EXIT
  k delete -k "$DEPLOY/bgp" --wait >/dev/null
}
tried() { # KIND SPEC
  printf 'apiVersion: ikat.dev/v1alpha1\nkind: %s\nmetadata: {name: tried}\nspec: {%s}\n' "$1" "$2" |
    k apply --dry-run=server -f - 2>&1
}
refused() { # KIND SPEC WORDS
  local words
  ! words=$(tried "$1" "$2") || wrong "the API server takes $2" || return 1
  grep -qF "$3" <<<"$words" || wrong "'$3' is not said of $2: $words"
}

outside_by_bgp() {
  needs_console
  daemonset || exit 77
  [ -x /usr/sbin/bird ] || { say "the router outside needs BIRD: apt-get install bird2"; exit 77; }
  directory=$(mktemp -d)
  trap bgp_gone EXIT
  controller_there
  bgp_definitions_there
  k apply -f "$HERE/objects/load-balancer.yaml" -f "$HERE/objects/bgp.yaml" >/dev/null
  cp "$HERE/objects/router.conf" "$directory/router.conf"
  outside /usr/sbin/bird -c "$directory/router.conf" -s "$directory/control" -P "$directory/pid"
  cluster overlay bgp

  within 60 learnt_from_each_node 203.0.113.64
  within 60 learnt_from_each_node 2001:db8:64::1
  within 20 outside_reaches 203.0.113.64 2001:db8:64::1
  within 20 condition_is router-v4 True:InForce
  within 20 condition_is router-with-password False:PasswordMissing
  say "$(each_agent status | grep '^bgp' | sort | uniq -c)"

  # The agents' pods are replaced, and BIRD in them: the router keeps the routes meanwhile (graceful restart).
  request_all_the_time 203.0.113.64
  k -n kube-system rollout restart daemonset/ikat >/dev/null
  k -n kube-system rollout status daemonset/ikat --timeout=180s >/dev/null
  within 60 learnt_from_each_node 203.0.113.64
  rm "$directory/go-on"
  wait
  [ -s "$directory/answered" ] || wrong "nobody connected from outside"
  say "$(grep -c '' "$directory/answered") connections from outside while the agents were replaced"
  ! [ -e "$directory/refused" ] || wrong "of these failed: $(grep -c '' "$directory/refused")"

  k -n $NAMESPACE delete service outside --wait >/dev/null
  within 20 not_learnt 203.0.113.64
  trap - EXIT
  bgp_gone
}
learnt_from_each_node() { # ADDRESS
  local routes node family=-4
  case $1 in *:*) family=-6 ;; esac
  routes=$(outside ip "$family" route show "$1")
  for node in $(k get nodes -o json | jq -r --argjson six "$([ $family = -6 ] && echo true || echo false)" \
    '.items[].status.addresses[] | select(.type == "InternalIP" and (.address | contains(":")) == $six) | .address'); do
    grep -qw "$node" <<<"$routes" || { echo "no way by $node to $1: $routes"; return 1; }
  done
}
not_learnt() { ! outside ip route show "$1" | grep .; }
condition_is() { # BGPPEER STATUS:REASON
  local condition
  condition=$(k get bgppeer "$1" -o json | jq -r '.status.conditions[]? | select(.type == "Accepted") | .status + ":" + .reason')
  [ "$condition" = "$2" ] || { echo "$1 is $condition, not $2"; return 1; }
}
request_all_the_time() { # ADDRESS: until $directory/go-on is gone
  touch "$directory/go-on"
  outside busybox sh -c "$GET; cd $directory; while [ -e go-on ]; do
    if get $1/80; then echo >>answered; else echo >>refused; fi; sleep 0.1; done" </dev/null >/dev/null 2>&1 &
}
bgp_gone() {
  rm -f "$directory/go-on"
  k delete -f "$HERE/objects/bgp.yaml" --ignore-not-found >/dev/null 2>&1
  cluster backend "$(cluster backend)"
  outside sh -c "kill \$(cat $directory/pid)"
  k delete -k "$DEPLOY/bgp" --ignore-not-found --wait >/dev/null 2>&1
  controller_gone
  rm -rf "$directory"
}

outside_by_arp() {
  needs_console
  daemonset || exit 77
  trap arp_gone EXIT
  controller_there
  k apply -f "$HERE/objects/load-balancer-link.yaml" >/dev/null
  within 20 addresses_are on-link '["10.55.0.200","fd55::200"]'
  agents_with IKAT_LOAD_BALANCER_ANNOUNCE=true
  # Until then, addresses are with the agents that were replaced first.
  within 60 all_take_part
  within 20 outside_reaches 10.55.0.200 fd55::200

  local owner next
  owner=$(announcer 10.55.0.200)
  [ -n "$owner" ] || wrong "no node answers for 10.55.0.200"
  # The kubelet starts it again within a second or two, and it waits for ten more before it takes its addresses back.
  cluster enter "$owner" kill -KILL "$(cluster pid "$owner" ikat-agent)"
  within 5 announced_by_another_than "$owner"
  next=$(announcer 10.55.0.200)
  within 5 outside_reaches 10.55.0.200
  within 60 announced_by "$owner"
  outside_reaches 10.55.0.200
  say "$owner answered, $next while it had no agent, and $owner again"
  trap - EXIT
  arp_gone
}
all_take_part() {
  local lines
  lines=$(each_agent status | grep 'this node')
  echo "$lines"
  [ "$(grep -c 'this node takes part, hears [1-9]' <<<"$lines")" = "$(cluster nodes | wc -l)" ]
}
announcer() { # ADDRESS: the node that the router outside knows as its place
  local station node
  station=$(outside ip -j neighbour show "$1" | jq -r '.[0].lladdr // empty')
  for node in $(cluster nodes); do
    if cluster enter "$node" ip -j link show eth0 | jq -e --arg station "$station" '.[0].address == $station' >/dev/null; then echo "$node"; fi
  done
}
announced_by() { [ "$(announcer 10.55.0.200)" = "$1" ]; }
announced_by_another_than() { [ -n "$(announcer 10.55.0.200)" ] && ! announced_by "$1"; }
arp_gone() {
  k delete -f "$HERE/objects/load-balancer-link.yaml" --ignore-not-found --wait=false >/dev/null 2>&1
  agents_with IKAT_LOAD_BALANCER_ANNOUNCE-
  controller_gone
}
