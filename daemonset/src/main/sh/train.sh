#!/usr/bin/env bash
# Runs the agent in a network namespace of its own, with a few pods, and has the JVM write its AOT cache when it ends:
# train.sh DISTRIBUTION
set -euo pipefail
distribution=$(readlink -f "$1")

if [ "${2:-}" != inside ]; then
  # As root, or else as the root of a user namespace.
  if [ "$(id -u)" = 0 ]; then
    exec unshare --net -- "$0" "$distribution" inside
  fi
  exec unshare --net --map-root-user -- "$0" "$distribution" inside
fi

work=$(mktemp -d)
agent=
cleanup() {
  [ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

ip link set lo up
ip link add uplink type veth peer name far
ip address add 192.0.2.1/24 dev uplink
ip link set uplink up
ip link set far up
mkdir "$work/manifests"
for number in 1 2; do
  cat >"$work/manifests/node-$number.yaml" <<YAML
apiVersion: v1
kind: Node
metadata:
  name: node-$number
spec:
  podCIDRs: [10.244.$number.0/24, "fd00:10:244:$number::/64"]
status:
  addresses:
    - {type: InternalIP, address: 192.0.2.$number}
YAML
done

cache="$distribution/agent/ikat-agent.aot"
rm -f "$cache"
# Without machine code: it would have the instructions of this machine's processor, which the JVM does not check at its
# start, and on an older one it would die by SIGILL.
IKAT_JAVA_OPTIONS="-XX:+UnlockDiagnosticVMOptions -XX:-AOTAdapterCaching -XX:-AOTStubCaching" \
  IKAT_AOT_OPTION="-XX:AOTCacheOutput=$cache" "$distribution/agent/bin/ikat-agent" \
  --node-name node-1 --manifests "$work/manifests" --run-dir "$work/run" --cni-conf-dir "$work/net.d" \
  --listen 127.0.0.1:9474 >"$work/log" 2>&1 &
agent=$!
conflist=$work/net.d/10-ikat.conflist
for _ in $(seq 300); do
  [ ! -e "$conflist" ] && kill -0 "$agent" || break
  sleep 0.1
done
[ -e "$conflist" ] || { cat "$work/log" >&2; echo "train.sh: the agent did not become ready" >&2; exit 1; }

launcher=$distribution/cni/ikat
if [ -x "$launcher" ]; then
  export IKAT_RUN_DIR=$work/run CNI_IFNAME=eth0 CNI_PATH=$distribution/cni
  configuration='{"cniVersion": "1.0.0", "name": "ikat", "type": "ikat"}'
  for number in 1 2 3 4 5; do
    unshare --net -- sleep 60 &
    pod=$!
    # The namespace is made by the child, a moment after it starts.
    while [ "$(readlink "/proc/$pod/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    export CNI_CONTAINERID=training-$number CNI_NETNS=/proc/$pod/ns/net
    for verb in ADD DEL; do
      CNI_COMMAND=$verb "$launcher" <<<"$configuration" >"$work/answer" || { cat "$work/answer" "$work/log" >&2; exit 1; }
    done
    kill "$pod"
  done
fi
# What Prometheus and the kubelet ask, so that this is in the cache as well.
for page in metrics readyz; do
  (exec 3<>/dev/tcp/127.0.0.1/9474 && printf 'GET /%s HTTP/1.0\r\n\r\n' "$page" >&3 && cat <&3 >/dev/null) || true
done

kill -TERM "$agent"
wait "$agent" || true
agent=
[ -s "$cache" ] || { cat "$work/log" >&2; echo "train.sh: the agent ended without writing $cache" >&2; exit 1; }
chmod 644 "$cache"
