# Sourced by peers.sh: kube-router with what daemonset/generic-kuberouter.yaml of its release gives it: routes by BGP, the
# plugins bridge and host-local, policies by iptables and ipset. Services are kube-proxy's, as with Ikat.

obstacle_kube_router() {
  command -v ipset >/dev/null || echo "there is no ipset"
  [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo "the kernel has no br_netfilter, so bridged packets would pass unfiltered"
}

version_kube_router() {
  echo "kube-router $(awk '$1 ~ /kube-router\/v2$/ && $2 ~ /^v/ { print $2 }' "$HERE/kubernetes/kube-router/go.mod"), IPv4, bridge and host-local $(awk '$1 ~ /containernetworking\/plugins$/ { print $2 }' "$HERE/kubernetes/plugins/go.mod")"
}

process_kube_router() { echo "$CACHE/kube-router/kube-router"; }

install_kube_router() {
  local node
  "$HERE/programs.sh" kube-router plugins/bridge plugins/host-local
  cluster up --without-ikat
  cluster kubectl apply -f "$HERE/objects/kube-router.yaml"
  peer_kubeconfig kube-router "$RUN/kube-router.kubeconfig"
  for node in $(cluster nodes); do
    cluster enter "$node" cp "$CACHE/plugins/bridge" "$CACHE/plugins/host-local" /opt/cni/bin/
    cluster enter "$node" tee /etc/cni/net.d/10-kuberouter.conflist >/dev/null <<'JSON'
{"cniVersion": "0.3.0", "name": "mynet", "plugins": [
  {"name": "kubernetes", "type": "bridge", "bridge": "kube-bridge", "isDefaultGateway": true, "ipam": {"type": "host-local"}}]}
JSON
    start_on "$node" kube-router env KUBE_ROUTER_CNI_CONF_FILE=/etc/cni/net.d/10-kuberouter.conflist NODE_NAME="$node" \
      "$CACHE/kube-router/kube-router" "--kubeconfig=$RUN/kube-router.kubeconfig" "--hostname-override=$node" --run-router=true \
      --run-firewall=true --run-service-proxy=false --bgp-graceful-restart=true --service-cluster-ip-range=10.96.0.0/16
  done
}
