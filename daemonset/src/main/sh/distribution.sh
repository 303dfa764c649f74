#!/usr/bin/env bash
# Puts together what is installed on a node: distribution.sh OUTPUT LIBRARIES CNI-PLUGIN
#   OUTPUT      the directory to make
#   LIBRARIES   the directory with the agent's jars
#   CNI-PLUGIN  the directory with the launcher and its cold runtime; without it the agent alone is made
set -euo pipefail
output=$1
libraries=$2
cni=$3
here=$(dirname "$(readlink -f "$0")")

rm -rf "$output"
mkdir -p "$output/agent/bin" "$output/agent/lib"
cp "$libraries"/*.jar "$output/agent/lib/"
[ ! -d "$cni" ] || cp -a "$cni" "$output/cni"

# The AOT cache can hold no class that was compiled for Java 5, as those of picocli and ASM were.
"$JAVA_HOME/bin/java" "$here/RenewClasses.java" "$output/agent/lib" "$output/agent/renewed.jar"

# The native part of jffi, which would otherwise be unpacked into /tmp at each start, where it may not be executable.
case $(uname -m) in
  x86_64) native=x86_64-Linux ;;
  aarch64) native=aarch64-Linux ;;
  *) native= ;;
esac
if [ -n "$native" ]; then
  (cd "$output/agent" && "$JAVA_HOME/bin/jar" xf lib/jffi-*-native.jar "jni/$native" && mv "jni/$native" native && rm -r jni)
fi

# A class path in a fixed order: the AOT cache is valid for just that.
class_path='$agent/renewed.jar:'$(cd "$output/agent/lib" && printf '$agent/lib/%s:' *.jar)
sed "s|@CLASS_PATH@|${class_path%:}|" "$here/ikat-agent" >"$output/agent/bin/ikat-agent"
# The controller is another main class of the same class path, and so has use of the same cache.
sed '2s|.*|# The controller; ikat-controller --help says more. IKAT_JAVA_OPTIONS adds options of the JVM.|
  s|dev\.ikat\.agent\.AgentMain|dev.ikat.agent.ControllerMain|' "$output/agent/bin/ikat-agent" >"$output/agent/bin/ikat-controller"
chmod 755 "$output/agent/bin/ikat-agent" "$output/agent/bin/ikat-controller"

# What "jdeps --print-module-deps" names, without java.desktop and java.sql: only parts of Jackson that are not used ask
# for them, and it does without. Logback's configuration needs java.xml.
"$JAVA_HOME/bin/jlink" --output "$output/agent/runtime" --strip-debug --compress=zip-6 --no-header-files --no-man-pages \
  --exclude-files '**.debuginfo' \
  --add-modules java.base,java.management,java.naming,java.net.http,java.xml,jdk.httpserver,jdk.management,jdk.unsupported

# The cache is valid for jars of just that time, and images' layers know whole seconds only, rounded.
touch -d "@$(date +%s)" "$output"/agent/lib/*.jar "$output/agent/renewed.jar"

# The AOT cache is trained by a short real run, in a network namespace that ends with it.
"$here/train.sh" "$output" || {
  rm -f "$output/agent/ikat-agent.aot"
  echo "distribution.sh: no AOT cache was made, so the agent starts more slowly; the reason is above" >&2
}
