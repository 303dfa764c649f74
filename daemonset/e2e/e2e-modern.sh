# Sourced by e2e.sh: cases of what only Kubernetes 1.34 and later have, or do.

modern_cases() {
  case_ "pods and nodes have addresses of each of the cluster's families in the API" families_in_status
  case_ "the runtime asks the plugin for its STATUS" status_asked
  case_ "a policy names the port of a native sidecar" sidecar_port
  case_ "a pod whose container is replaced in place keeps its network" replaced_in_place
  case_ "a pod that ends serves, and its policies hold" serves_while_it_ends
  case_ "a service of a second ServiceCIDR" second_service_range
  case_ "of Pod Security's baseline, what a CNI plugin can't keep to" pod_security
}

# As many as nodes have pod CIDRs: one family in a cluster of kind, unless that is told otherwise.
families_in_status() {
  local families
  families=$(k get nodes -o json | jq '.items[0].spec | (.podCIDRs // [.podCIDR]) | length')
  k get pods -A -o json | jq -e "[.items[] | select(.status.phase == \"Running\")] | length > 0 and
    all(.[]; (.status.podIPs | length == $families) and (.status.hostIPs | length == $families) and .status.podIP == .status.podIPs[0].ip)" >/dev/null ||
    wrong "a pod lacks an address: $(k get pods -A -o json | jq -c '.items[] | [.metadata.name, .status.podIPs, .status.hostIPs]')"
}

# Without an agent the node says what the plugin answered; not at once, since an agent is mostly away because it is replaced.
# Docker's nodes don't: cri-dockerd calls plugins by an older CNI, which has no STATUS.
status_asked() {
  daemonset || needs_console
  k get nodes -o json | jq -e "[$ASKING_NODES] | length > 0" >/dev/null || exit 77
  trap start_agents EXIT
  stop_agents
  within 180 plugin_speaks
  say "$(k get nodes -o json | jq -r "[$ASKING_NODES | .status.conditions[] | select(.type == \"Ready\") | .message][0]")"
  start_agents
  trap - EXIT
  within 90 nodes_all_ready
}
readonly ASKING_NODES='.items[] | select(.status.nodeInfo.containerRuntimeVersion | startswith("docker:") | not)'
plugin_speaks() {
  k get nodes -o json | jq -e "all($ASKING_NODES | .status.conditions[] | select(.type == \"Ready\"); .status == \"False\" and (.message | test(\"agent\")))"
}

# Once: what a case changes stays.
modern_objects() {
  k -n $NAMESPACE get pod sidecar leaving >/dev/null 2>&1 ||
    sed "s#IMAGE#$image#" "$HERE/objects/modern.yaml" | k apply -f - >/dev/null
  k -n $NAMESPACE wait --for=condition=Ready pod/sidecar pod/leaving --timeout=60s >/dev/null
}

sidecar_port() {
  modern_objects
  local client stranger address
  client=$(pods $NAMESPACE client | sed -n 1p) stranger=$(pods $OTHER stranger | sed -n 1p)
  for address in $(addresses $NAMESPACE sidecar); do
    within 15 answered $NAMESPACE "$client" "$address/8081"
    [ -z "$(ask $NAMESPACE "$client" "$address/8080" | grep '^yes')" ] || wrong "a port that the policy does not name is open"
    [ -z "$(ask $OTHER "$stranger" "$address/8081" | grep '^yes')" ] || wrong "a pod that the policy does not name passes"
  done
}

# By another image with the same programs. (To resize a pod, a kubelet needs cgroups for each pod.)
replaced_in_place() {
  needs_console
  modern_objects
  local before client
  client=$(pods $NAMESPACE client | sed -n 1p)
  before=$(addresses $NAMESPACE sidecar)
  k -n $NAMESPACE set image pod/sidecar main=localhost/ikat-e2e/pause:1 >/dev/null
  within 60 replaced
  [ "$(addresses $NAMESPACE sidecar)" = "$before" ] || wrong "its addresses are others"
  within 10 answered $NAMESPACE "$client" "$(sed -n 1p <<<"$before")/8081"
}
replaced() {
  k -n $NAMESPACE get pod sidecar -o json |
    jq -e '.status.containerStatuses[0] | .restartCount == 1 and .state.running != null and (.image | test("pause"))'
}

serves_while_it_ends() {
  modern_objects
  local client stranger address
  client=$(pods $NAMESPACE client | sed -n 1p) stranger=$(pods $OTHER stranger | sed -n 1p)
  address=$(addresses $NAMESPACE leaving | sed -n 1p)
  within 15 answered $NAMESPACE "$client" "$address/8080"
  k -n $NAMESPACE delete pod leaving --wait=false >/dev/null
  sleep 3
  k -n $NAMESPACE get pod leaving -o json | jq -e '.metadata.deletionTimestamp != null' >/dev/null || wrong "it does not end"
  answered $NAMESPACE "$client" "$address/8080" || wrong "it is not reached while it ends"
  [ -z "$(ask $OTHER "$stranger" "$address/8080" | grep '^yes')" ] || wrong "its policy does not hold while it ends"
  k -n $NAMESPACE delete pod leaving --grace-period=0 --force >/dev/null 2>&1
}

second_service_range() {
  k apply -f - >/dev/null <<YAML
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: ikat-e2e}
spec: {cidrs: [10.97.0.0/24]}
---
apiVersion: v1
kind: Service
metadata: {name: second, namespace: $NAMESPACE}
spec: {selector: {app: web}, clusterIP: 10.97.0.7, ports: [{port: 80, targetPort: http}]}
YAML
  trap 'k -n $NAMESPACE delete service second >/dev/null; k delete servicecidr ikat-e2e --wait=false >/dev/null' EXIT
  local pod
  for pod in $(pods $NAMESPACE client); do within 20 answered $NAMESPACE "$pod" 10.97.0.7/80; done
}

# Of all that the level forbids, these are what a CNI plugin is for; a privileged container is not among them.
pod_security() {
  local words
  words=$(k label --dry-run=server --overwrite namespace kube-system pod-security.kubernetes.io/enforce=baseline 2>&1 | grep ' ikat-')
  say "${words#Warning: }"
  [ "${words#*): }" = "non-default capabilities, host namespaces, hostPath volumes, hostPort, probe or lifecycle host" ] ||
    [ "${words#*: ikat-*: }" = "non-default capabilities, host namespaces, hostPath volumes, hostPort, probe or lifecycle host" ]
}
