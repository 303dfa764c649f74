#!/bin/sh
# runtime-image.sh JDK MODULES DIRECTORY: makes DIRECTORY/ikat-runtime, the JVM that the launcher falls back to, with the
# plugin's modules linked in and a cache of classes as they are after loading (JEP 483, JEP 514).
set -eu
jdk=$1
modules=$2
image=$3/ikat-runtime
cache=$image/ikat.aot

rm -rf "$image"
"$jdk/bin/jlink" --module-path "$modules" --add-modules dev.ikat.cni --output "$image" --compress=zip-6 \
  --strip-java-debug-attributes --no-header-files --no-man-pages --exclude-files '**.debuginfo'

# One run that reads a configuration, opens a namespace and the lease store, and ends with an error, teaches the cache
# what each run needs. The options are those of ikat.c, or the JVM rejects the cache. It has no machine code, which would
# have the instructions of this machine's processor: on an older one the JVM would die by SIGILL.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo '{"cniVersion": "1.0.0", "name": "training", "type": "ikat", "standalone": true, "prevResult": {},
  "ipam": {"ranges": [[{"subnet": "10.0.0.0/24"}]]}}' >"$scratch/config"
status=0
env -u JAVA_TOOL_OPTIONS -u JDK_JAVA_OPTIONS -u _JAVA_OPTIONS IKAT_RUN_DIR="$scratch" CNI_COMMAND=CHECK \
  CNI_CONTAINERID=training CNI_IFNAME=eth0 CNI_NETNS="$scratch/none" \
  "$image/bin/java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m -XX:-UsePerfData \
  -XX:+UnlockDiagnosticVMOptions -XX:-AOTAdapterCaching -XX:-AOTStubCaching -XX:AOTCacheOutput="$cache" --enable-native-access=dev.ikat.netlink \
  -m dev.ikat.cni/dev.ikat.cni.cold.ColdMain <"$scratch/config" >"$scratch/out" 2>&1 || status=$?
if [ "$status" -ne 1 ] || [ ! -s "$cache" ]; then
  cat "$scratch/out" >&2
  echo "runtime-image.sh: the training run ended with $status and made no cache" >&2
  exit 1
fi
chmod 0644 "$cache"
