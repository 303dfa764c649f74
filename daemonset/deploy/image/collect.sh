#!/bin/sh
# collect.sh DIRECTORY: copies there what the agent needs of this system: the programs below, with every library they
# are linked with, and what those load by name.
set -eu
output=$1

# The path, as the merged /usr has it, so that one library is there once; and step by step what it leads to, since
# alternatives are links to links.
chain() {
  for path in "$@"; do
    while :; do
      case $path in /bin/* | /sbin/* | /lib/* | /lib64/*) path=/usr$path ;; esac
      echo "$path"
      [ -L "$path" ] || break
      target=$(readlink "$path")
      case $target in /*) path=$target ;; *) path=${path%/*}/$target ;; esac
    done
  done
}

mkdir -p "$output"
# The merged /usr: the loader's path, and scripts' interpreter, lead through these links.
for link in bin sbin lib lib64; do
  [ ! -L "/$link" ] || cp -P "/$link" "$output/$link"
done
[ ! -e /lib64 ] || mkdir -p "$output/usr/lib64"
libraries=$(dirname "$(find /usr/lib -name 'libnftables.so.1' | head -1)")
{
  for program in sh dirname readlink nft ipset conntrack bird \
    iptables-nft iptables-nft-save iptables-nft-restore ip6tables-nft ip6tables-nft-save ip6tables-nft-restore \
    iptables-legacy iptables-legacy-save iptables-legacy-restore \
    ip6tables-legacy ip6tables-legacy-save ip6tables-legacy-restore; do
    chain "$(command -v "$program")"
  done
  chain "$libraries/libnftables.so.1" "$libraries/libbpf.so.1" "$libraries/libz.so.1" "$libraries"/xtables/*.so
  # The loader of programs in lib64, and of the JVM's libraries: the C++ runtime is linked into it.
  for library in "$libraries/ld-linux-x86-64.so.2" "$libraries/libdl.so.2" "$libraries/libpthread.so.0" \
    "$libraries/librt.so.1" /usr/lib64/*; do
    [ ! -e "$library" ] || chain "$library"
  done
} | sort -u >/own
# Of all at once: one by one this takes ten times as long. What is no program of its own has nothing to say.
xargs ldd </own >/linked 2>/dev/null || true
if grep 'not found' /linked >&2; then exit 1; fi
chain $(sed -n 's|^\t\(.* => \)\{0,1\}\(/[^ ]*\) (0x.*|\2|p' /linked | sort -u) >>/own
sort -u /own | xargs cp -P --parents --target-directory="$output"
mkdir -p "$output/etc" "$output/tmp" "$output/run/ikat" "$output/var"
# Runtimes name the pods' namespaces by either.
ln -s /run "$output/var/run"
for file in /etc/protocols /etc/services /etc/ethertypes /etc/xtables.conf; do
  [ ! -e "$file" ] || cp "$file" "$output/etc/"
done
printf 'root:x:0:0:root:/root:/usr/sbin/nologin\n' >"$output/etc/passwd"
printf 'root:x:0:\n' >"$output/etc/group"
printf 'hosts: files dns\n' >"$output/etc/nsswitch.conf"
cp /etc/os-release "$output/etc/os-release"
# What this is made of, for whoever looks for known faults in it, and under which licences. A package's list may have the
# path that a file had before /usr was merged.
(cd "$output" && find usr ! -type d) | sed 's|^|/|; p; s|^/usr||' >/files
{ xargs dpkg-query -S 2>/dev/null || true; } </files | sed 's/: .*//' | sort -u >/packages
while read -r package; do
  dpkg-query -W -f '${Package} ${Version}\n' "$package"
  copyright=/usr/share/doc/${package%%:*}/copyright
  [ ! -e "$copyright" ] || { mkdir -p "$output${copyright%/*}" && cp -L "$copyright" "$output$copyright"; }
done </packages >"$output/etc/debian-packages"
