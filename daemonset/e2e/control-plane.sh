#!/usr/bin/env bash
# The first process of the control plane, in namespaces of its own: etcd, API server, controller manager, scheduler.
# usage: control-plane.sh STATE
set -euo pipefail
readonly STATE=$1
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$HERE/supervise.sh"
source "$STATE/../settings"
PATH=$(programs_path)
cd "$STATE"
# A cluster for tests needs nothing of itself after it has ended, and waits for no disk.
leave_foreign_mounts
mkdir -p etcd
mount -t tmpfs tmpfs etcd
gates=()
if ! is_modern; then gates=(--feature-gates=IPv6DualStack=true); fi
readonly SERVICES=10.96.0.0/16,fd55:96::/112

supervise etcd etcd --name control --data-dir "$STATE/etcd" \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
  --initial-cluster control=http://127.0.0.1:2380 &
supervise kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 "${gates[@]}" \
  --service-cluster-ip-range="$SERVICES" --bind-address=0.0.0.0 --advertise-address=10.55.0.1 \
  --secure-port=6443 --cert-dir="$STATE/certificates" --token-auth-file="$STATE/tokens.csv" --authorization-mode=Node,RBAC \
  --enable-admission-plugins=NodeRestriction --allow-privileged --profiling=false \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$STATE/service-accounts.pub" \
  --service-account-signing-key-file="$STATE/service-accounts.key" --kubelet-preferred-address-types=InternalIP &
# Its own certificate authority signs nothing here; pods get the API server's certificate as their ca.crt.
supervise kube-controller-manager kube-controller-manager --kubeconfig="$STATE/kube-controller-manager.kubeconfig" \
  "${gates[@]}" --use-service-account-credentials --leader-elect=false --bind-address=127.0.0.1 \
  --cert-dir="$STATE/certificates" --allocate-node-cidrs --cluster-cidr="10.244.0.0/16,fd55:244::/48" \
  --service-cluster-ip-range="$SERVICES" --node-cidr-mask-size-ipv4=24 --node-cidr-mask-size-ipv6=64 \
  --service-account-private-key-file="$STATE/service-accounts.key" \
  --root-ca-file="$STATE/certificates/apiserver.crt" --node-monitor-grace-period=20s &
supervise kube-scheduler kube-scheduler --kubeconfig="$STATE/kube-scheduler.kubeconfig" --leader-elect=false \
  --bind-address=127.0.0.1 &
wait
