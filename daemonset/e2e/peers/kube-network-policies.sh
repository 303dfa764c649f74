# Sourced by peers.sh: kube-network-policies with what its install.yaml gives it, on Ikat's network without Ikat's policies.

obstacle_kube_network_policies() {
  local space=ikat-peers-$$
  ip netns add "$space"
  ip netns exec "$space" nft 'add table inet t; add chain inet t c; add rule inet t c queue num 98' 2>/dev/null ||
    echo "the kernel has no queue of nftables (CONFIG_NFT_QUEUE)"
  ip netns del "$space"
}

version_kube_network_policies() {
  echo "kube-network-policies $(awk '$1 == "sigs.k8s.io/kube-network-policies" { print $2 }' "$HERE/kubernetes/kube-network-policies/go.mod") on Ikat's network"
}

process_kube_network_policies() { echo "$CACHE/kube-network-policies/kube-network-policies"; }

install_kube_network_policies() {
  local node
  "$HERE/programs.sh" kube-network-policies
  ikat_network none
  cluster kubectl apply -f "$HERE/objects/kube-network-policies.yaml"
  cluster kubectl -n kube-system create token kube-network-policies --duration=24h >"$RUN/kube-network-policies.token"
  for node in $(cluster nodes); do
    # Where a pod would have them.
    cluster enter "$node" sh -c 'd=/run/secrets/kubernetes.io/serviceaccount; mkdir -p $d; cp "$1" $d/token; cp "$2" $d/ca.crt' \
      sh "$RUN/kube-network-policies.token" "$RUN/control/certificates/apiserver.crt"
    start_on "$node" kube-network-policies env KUBERNETES_SERVICE_HOST=10.55.0.1 KUBERNETES_SERVICE_PORT=6443 \
      "$CACHE/kube-network-policies/kube-network-policies" "--hostname-override=$node" --v=2 --nfqueue-id=98
  done
}
