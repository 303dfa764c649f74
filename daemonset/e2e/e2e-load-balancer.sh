# Sourced by e2e.sh: ikat-controller and the addresses that it gives to services.

load_balancer_cases() {
  case_ "a service of type LoadBalancer gets an address of a pool" address_of_a_pool
}

address_of_a_pool() {
  needs_console
  daemonset || exit 77
  trap controller_gone EXIT
  k apply -k "$DEPLOY/controller" >/dev/null
  within 30 k wait --for=condition=Established crd/addresspools.ikat.dev --timeout=5s
  k apply -f "$HERE/objects/load-balancer.yaml" >/dev/null
  within 120 k -n kube-system rollout status deployment/ikat-controller --timeout=5s
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
