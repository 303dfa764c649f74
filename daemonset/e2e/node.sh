#!/usr/bin/env bash
# The first process of a node: a file system whose changes nobody else sees, then the container runtime, kubelet, kube-proxy
# and agent. It runs in network, mount, process and host name namespaces of its own; all of the node ends with it.
# usage: node.sh NODE STATE IPV4 IPV6
set -euo pipefail
readonly NODE=$1 STATE=$2 IPV4=$3 IPV6=$4
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$HERE/supervise.sh"
source "$HERE/runtimes.sh"
source "$STATE/../settings"
RUNTIME=$(cat "$STATE/runtime")
readonly MACHINE_PATH=$PATH
PATH=$(programs_path)
cd "$STATE"

own_file_system() {
  leave_foreign_mounts
  mkdir -p volatile disk/containerd disk/containers disk/docker disk/kubelet
  mount -t tmpfs tmpfs volatile
  local directory name
  for directory in /etc /var/lib /opt; do
    name=${directory//\//-}
    mkdir -p "volatile/$name/upper" "volatile/$name/work"
    mount -t overlay overlay -o "lowerdir=$directory,upperdir=$STATE/volatile/$name/upper,workdir=$STATE/volatile/$name/work" \
      "$directory"
  done
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /var/log
  mkdir -p /run/netns /run/lock /var/lib/containerd /var/lib/containers /var/lib/docker /var/lib/kubelet /etc/cni/net.d /opt/cni/bin /etc/ikat
  # The host's own network configurations are not the node's.
  find /etc/cni/net.d -mindepth 1 -delete
  # Runtimes give a sandbox its lo by the one, Ikat's manifest asks for the other; elsewhere Kubernetes' packages bring both.
  if is_modern; then
    cp "$CACHE"/plugins/{loopback,portmap} /opt/cni/bin/
  else
    cp /usr/lib/cni/loopback /usr/lib/cni/portmap /opt/cni/bin/
  fi
  # Layers can't lie on an overlay.
  mount --bind disk/containerd /var/lib/containerd
  mount --bind disk/containers /var/lib/containers
  mount --bind disk/docker /var/lib/docker
  mount --bind disk/kubelet /var/lib/kubelet
  mount -t bpf bpf /sys/fs/bpf
  # What an agent attaches to the root of this tree is for the sockets of its own node.
  local groups=/sys/fs/cgroup/unified
  if [ -w "$groups/cgroup.procs" ]; then
    mkdir -p "$groups/ikat-e2e-$NODE"
    echo 0 >"$groups/ikat-e2e-$NODE/cgroup.procs"
    mount --bind "$groups/ikat-e2e-$NODE" "$groups"
  fi
  # The kubelet sets these for the whole machine; so it finds them set.
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    mkdir -p "volatile/sysctl/$(dirname "$setting")"
    echo "${setting#*=}" >"volatile/sysctl/${setting%=*}"
    mount --bind "volatile/sysctl/${setting%=*}" "/proc/sys/${setting%=*}"
  done
  # As on a machine that systemd starts: what is mounted later is seen by containers that ask for it.
  mount --make-rshared /
}

# What every version of the kubelet here takes, and what only the old or only the newer ones do.
kubelet_configuration() {
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failSwapOn: false
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
nodeStatusUpdateFrequency: 4s
imageGCHighThresholdPercent: 100
evictionHard: {nodefs.available: 1%, imagefs.available: 1%}
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
YAML
  if is_modern; then
    # The machine may have cgroup v1; and its own name servers are not the cluster's.
    cat <<YAML
failCgroupV1: false
containerRuntimeEndpoint: unix://$(runtime_socket)
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $STATE/volatile/resolv.conf
YAML
  else
    echo 'featureGates: {IPv6DualStack: true}'
  fi
}

kube_proxy_configuration() {
  cat <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: $KUBE_PROXY
hostnameOverride: $NODE
clientConnection: {kubeconfig: $STATE/kube-proxy.kubeconfig}
# These two are the machine's, not a network namespace's.
conntrack: {maxPerCore: 0, min: 0}
YAML
  is_modern || echo 'featureGates: {IPv6DualStack: true}'
}

configuration() {
  hostname "$NODE"
  : >volatile/resolv.conf
  runtime_configuration
  kubelet_configuration >volatile/kubelet.yaml
  kube_proxy_configuration >volatile/kube-proxy.yaml
}

fail() {
  printf '%s: %s\n' "$NODE" "$*" >&2
  exit 1
}

# Before the kubelet asks for them, which could fetch them from nowhere.
import_images() {
  local image attempt
  for ((attempt = 0; ; attempt++)); do
    ! runtime_answers || break
    [ "$attempt" -lt 60 ] || fail "$RUNTIME does not answer; $STATE/log/$RUNTIME.log says why"
    sleep 1
  done
  for image in "$STATE"/../images/*.tar; do
    import_image "$image" >>log/images.log 2>&1 ||
      fail "$RUNTIME does not take $(readlink -f "$image"): $(tail -n 1 log/images.log)"
  done
  touch imported
}

own_file_system
configuration
runtime_supervised &
import_images
kubelet=(kubelet --kubeconfig="$STATE/kubelet.kubeconfig" --config=volatile/kubelet.yaml --hostname-override="$NODE"
  --node-ip="$IPV4,$IPV6")
is_modern || kubelet+=(--container-runtime=remote "--container-runtime-endpoint=unix://$(runtime_socket)" --network-plugin=cni)
supervise kubelet "${kubelet[@]}" &
if [ "$KUBE_PROXY" != none ]; then supervise kube-proxy kube-proxy --config=volatile/kube-proxy.yaml & fi
# An agent that is no pod, if one is installed; it has its settings from whoever did so.
supervise ikat-agent /opt/ikat-agent/bin/ikat-agent --config=/etc/ikat/config.yaml &
wait
