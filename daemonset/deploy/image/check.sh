#!/usr/bin/env bash
# check.sh IMAGE: starts the image by podman as the DaemonSet's manifest does, with its capabilities and a read-only root, in a
# network namespace that is a node; installs the plugin from it, wires two pods, and has one reach the other.
set -euo pipefail
image=$1
node=ikt-image-$$ directory=$(mktemp -d)
# Engines ask for more than what a machine that is itself confined may give.
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)

fail() {
  printf 'image: %s\n' "$*" >&2
  tail -n 20 "$directory/log" >&2 || true
  exit 1
}

clean_up() {
  podman rm -f "$node" >/dev/null 2>&1 || true
  local name
  for name in "$node" "$node-1" "$node-2"; do ip netns del "$name" 2>/dev/null || true; done
  rm -rf "$directory"
}
trap clean_up EXIT

agent() {
  podman exec "$node" ikat-agent "$@"
}

plugin() { # VERB POD
  CNI_COMMAND=$1 CNI_CONTAINERID=$node-$2 CNI_NETNS=/run/netns/$node-$2 CNI_IFNAME=eth0 CNI_PATH=$directory/bin \
    CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod-$2" IKAT_RUN_DIR=$directory/run \
    ip netns exec "$node" "$directory/bin/ikat" <<<'{"cniVersion":"1.0.0","name":"ikat","type":"ikat"}'
}

for label in title description vendor licenses version revision created; do
  [ -n "$(podman image inspect --format "{{index .Labels \"org.opencontainers.image.$label\"}}" "$image")" ] ||
    fail "it has no label org.opencontainers.image.$label"
done
container=$(podman create --network none "$image")
podman cp "$container:/opt/ikat/sbom.json" "$directory/sbom.json"
podman rm "$container" >/dev/null
grep -q '"bomFormat" *: *"CycloneDX"' "$directory/sbom.json" || fail "it does not say what it is made of"

podman run --rm "${limits[@]}" --network none --cap-drop all --read-only --entrypoint /usr/sbin/bird "$image" --version \
  >/dev/null 2>&1 || fail "BIRD does not start in it"

mkdir -p "$directory"/{manifests,run,net.d,bin,state}
ip netns add "$node"
ip -n "$node" link set lo up
ip -n "$node" link add uplink type veth peer name wire
ip -n "$node" addr add 192.0.2.11/24 dev uplink
ip -n "$node" link set uplink up
ip -n "$node" link set wire up
cat >"$directory/manifests/node.yaml" <<'YAML'
apiVersion: v1
kind: Node
metadata: {name: worker-1}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}
YAML

podman run --rm "${limits[@]}" --network none --cap-drop all --read-only -v "$directory/bin:/host/opt/cni/bin" "$image" \
  install --cni-bin-dir=/host/opt/cni/bin --no-drop-ins
podman run -d --name "$node" "${limits[@]}" --network "ns:/run/netns/$node" --cap-drop all --cap-add NET_ADMIN \
  --cap-add NET_RAW --cap-add SYS_ADMIN --security-opt no-new-privileges --read-only --tmpfs /tmp \
  -v "$directory/manifests:/manifests:ro" -v "$directory/run:/run/ikat" -v "$directory/state:/var/lib/ikat" \
  -v "$directory/net.d:/etc/cni/net.d" -v /run/netns:/run/netns:rslave -v /proc/sys/net:/host/proc/sys/net \
  -e IKAT_PROC_SYS=/host/proc/sys "$image" --node-name worker-1 --manifests /manifests >/dev/null
for _ in $(seq 100); do
  ! agent status >"$directory/status" 2>&1 || break
  sleep 0.2
done
podman logs "$node" >"$directory/log" 2>&1
! grep -F '[aot' "$directory/log" >&2 || fail "the agent starts without its AOT cache"
agent status || fail "the agent is not ready after 20 s"
for pod in 1 2; do
  ip netns add "$node-$pod"
  plugin ADD "$pod" >"$directory/result-$pod" || fail "ADD failed: $(cat "$directory/result-$pod")"
done
address=$(grep -o '10\.244\.1\.[0-9]*' "$directory/result-2" | head -1)
# Nobody listens there: that it is refused is pod 2's own answer.
answer=$(ip netns exec "$node-1" timeout 3 bash -c ": >/dev/tcp/$address/9" 2>&1) || true
[[ $answer == *refused* ]] || fail "pod 1 does not reach pod 2 at $address: ${answer:-no answer}"
for pod in 1 2; do plugin DEL "$pod"; done
podman stop -t 10 "$node" >/dev/null
podman logs "$node" 2>&1 | grep -q event=stopped || fail "the agent has not ended in order"
echo "image: the agent in a container was ready, and wired two pods that reach each other"
