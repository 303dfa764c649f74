#!/bin/sh
# collect.sh DIRECTORY: copies there what the agent needs of this system: the programs below, with every library they
# are linked with, and what those load by name.
set -eu
output=$1

copy() {
  for path in "$@"; do
    [ -e "$output$path" ] || [ -L "$output$path" ] && continue
    mkdir -p "$output$(dirname "$path")"
    cp -P "$path" "$output$path"
    if [ -L "$path" ]; then
      # Step by step, since alternatives are links to links.
      target=$(readlink "$path")
      case $target in /*) ;; *) target=$(dirname "$path")/$target ;; esac
      copy "$(cd "$(dirname "$target")" && pwd -P)/$(basename "$target")"
    elif [ -x "$path" ] || [ "${path%%.so*}" != "$path" ]; then
      libraries_of=$(ldd "$path" 2>/dev/null || true)
      case $libraries_of in *"not found"*) echo "$path lacks a library: $libraries_of" >&2 && exit 1 ;; esac
      for library in $(echo "$libraries_of" | grep -o '/[^ ]*' || true); do
        # As the merged /usr has it, so that one library is there once.
        copy "$(cd "$(dirname "$library")" && pwd -P)/$(basename "$library")"
      done
    fi
  done
}

mkdir -p "$output"
# The merged /usr: the loader's path, and scripts' interpreter, lead through these links.
for link in bin sbin lib lib64; do
  [ ! -L "/$link" ] || cp -P "/$link" "$output/$link"
done
[ ! -e /lib64 ] || mkdir -p "$output/usr/lib64"
for program in sh dirname readlink nft ipset conntrack \
  iptables-nft iptables-nft-save iptables-nft-restore ip6tables-nft ip6tables-nft-save ip6tables-nft-restore \
  iptables-legacy iptables-legacy-save iptables-legacy-restore \
  ip6tables-legacy ip6tables-legacy-save ip6tables-legacy-restore; do
  found=$(command -v "$program")
  copy "$(cd "$(dirname "$found")" && pwd -P)/$program"
done
libraries=$(dirname "$(find /usr/lib -name 'libnftables.so.1' | head -1)")
copy "$libraries/libnftables.so.1" "$libraries/libbpf.so.1" "$libraries/libz.so.1"
copy "$libraries"/xtables/*.so
# The loader of programs in lib64, and of the JVM's libraries: the C++ runtime is linked into it.
copy "$libraries/ld-linux-x86-64.so.2" "$libraries/libdl.so.2" "$libraries/libpthread.so.0" "$libraries/librt.so.1" 2>/dev/null || true
cp -P /usr/lib64/* "$output/usr/lib64/" 2>/dev/null || true
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
