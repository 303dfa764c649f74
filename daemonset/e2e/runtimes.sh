# Sourced by a node's first process: its container runtime, as RUNTIME says.

runtime_socket() {
  case $RUNTIME in
    containerd) echo /run/containerd/containerd.sock ;;
    crio) echo /run/crio/crio.sock ;;
    docker) echo /run/cri-dockerd.sock ;;
  esac
}

runtime_configuration() {
  case $RUNTIME in
    containerd) containerd_configuration >volatile/containerd.toml ;;
    crio) crio_configuration >volatile/crio.conf ;;
    docker) docker_configuration >volatile/docker.json ;;
  esac
  echo "runtime-endpoint: unix://$(runtime_socket)" >/etc/crictl.yaml
}

# restrict_oom_score_adj: where this machine's root lacks CAP_SYS_RESOURCE.
containerd_configuration() {
  if is_modern; then
    cat <<TOML
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/ikat-e2e/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
# How long ADD and DEL took, for benchmarks.
[metrics]
  address = "127.0.0.1:1338"
TOML
  else
    cat <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/ikat-e2e/pause:1"
  restrict_oom_score_adj = true
TOML
  fi
}

# What stands for runc: a machine's root may lack what Docker and CRI-O always ask for.
runc_path() {
  if has_sys_resource; then command -v runc; else echo "$HERE/confined-runc.sh"; fi
}

# Conmon and pinns are those of the PATH.
crio_configuration() {
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >volatile/policy.json
  # Manifests name the agent's image without a registry, which CRI-O completes only by this file.
  mkdir -p /etc/containers
  echo 'unqualified-search-registries = ["docker.io"]' >/etc/containers/registries.conf
  cat <<TOML
[crio]
root = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
storage_driver = "overlay"
[crio.api]
listen = "$(runtime_socket)"
[crio.image]
pause_image = "localhost/ikat-e2e/pause:1"
pause_command = ""
signature_policy = "$PWD/volatile/policy.json"
[crio.network]
# Without it CRI-O asks a plugin for its STATUS only until it is ready for the first time.
cni_status_grace_period = "15s"
network_dir = "/etc/cni/net.d"
plugin_dirs = ["/opt/cni/bin"]
[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
default_runtime = "runc"
conmon = "$(command -v conmon)"
pinns_path = "$(command -v pinns)"
[crio.runtime.runtimes.runc]
runtime_path = "$(runc_path)"
runtime_type = "oci"
runtime_root = "/run/runc"
monitor_path = "$(command -v conmon)"
TOML
}

# With its bridge and its rules, as on anybody's machine. By live-restore containers go on while the daemon is restarted.
docker_configuration() {
  cat <<JSON
{
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "cgroup-parent": "/ikat-e2e-docker-$NODE",
  "live-restore": true,
  "oom-score-adjust": 0,
  "runtimes": {"chosen": {"path": "$(runc_path)"}},
  "default-runtime": "chosen"
}
JSON
}

runtime_supervised() {
  case $RUNTIME in
    containerd) supervise containerd containerd --config volatile/containerd.toml ;;
    crio) supervise crio crio --config volatile/crio.conf --config-dir '' ;;
    docker)
      # Its own containerd is the machine's, not that of the cluster.
      supervise docker env PATH="$MACHINE_PATH" dockerd --config-file volatile/docker.json &
      supervise cri-dockerd cri-dockerd --container-runtime-endpoint "unix://$(runtime_socket)" --network-plugin cni \
        --pod-infra-container-image localhost/ikat-e2e/pause:1 --ipv6-dual-stack
      ;;
  esac
}

runtime_answers() {
  case $RUNTIME in
    containerd) ctr version >/dev/null 2>&1 ;;
    crio | docker) crictl --runtime-endpoint "unix://$(runtime_socket)" version >/dev/null 2>&1 ;;
  esac
}

import_image() { # ARCHIVE
  case $RUNTIME in
    containerd) ctr --namespace k8s.io images import "$1" ;;
    crio) podman --root /var/lib/containers/storage --runroot /run/containers/storage load --input "$1" ;;
    docker) docker load --input "$1" ;;
  esac
}
