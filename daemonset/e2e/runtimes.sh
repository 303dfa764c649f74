# Sourced by a node's first process: its container runtime, as RUNTIME says.

runtime_socket() {
  case $RUNTIME in
    containerd) echo /run/containerd/containerd.sock ;;
    crio) echo /run/crio/crio.sock ;;
  esac
}

runtime_configuration() {
  case $RUNTIME in
    containerd) containerd_configuration >volatile/containerd.toml ;;
    crio) crio_configuration >volatile/crio.conf ;;
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

# Conmon, runc and pinns are those of the PATH. CRI-O always sets oomScoreAdj and limits of huge pages, which not every
# machine's root may, so runc is called by what takes them out again.
crio_configuration() {
  cat >volatile/runc <<'SH'
#!/usr/bin/env bash
set -euo pipefail
for ((i = 1; i < $#; i++)); do
  case ${!i} in
    --bundle | -b)
      next=$((i + 1)) file=${!next}/config.json
      jq 'del(.process.oomScoreAdj, .linux.resources.hugepageLimits)' "$file" >"$file.new"
      mv "$file.new" "$file"
      ;;
  esac
done
exec runc "$@"
SH
  chmod 755 volatile/runc
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
runtime_path = "$PWD/volatile/runc"
runtime_type = "oci"
runtime_root = "/run/runc"
monitor_path = "$(command -v conmon)"
TOML
}

runtime_supervised() {
  case $RUNTIME in
    containerd) supervise containerd containerd --config volatile/containerd.toml ;;
    crio) supervise crio crio --config volatile/crio.conf --config-dir '' ;;
  esac
}

runtime_answers() {
  case $RUNTIME in
    containerd) ctr version >/dev/null 2>&1 ;;
    crio) crictl --runtime-endpoint "unix://$(runtime_socket)" version >/dev/null 2>&1 ;;
  esac
}

import_image() { # ARCHIVE
  case $RUNTIME in
    containerd) ctr --namespace k8s.io images import "$1" ;;
    crio) podman --root /var/lib/containers/storage --runroot /run/containers/storage load --input "$1" ;;
  esac
}
