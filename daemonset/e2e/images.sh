#!/usr/bin/env bash
# Writes the two images that the cluster needs as archives for 'ctr images import': one that only sleeps, for pods'
# sandboxes, and one of busybox.
# usage: images.sh DIRECTORY
set -euo pipefail
readonly DIRECTORY=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/root/bin" "$work/root/tmp" "$work/root/etc" "$work/root/proc" "$work/root/sys" "$work/root/dev" "$DIRECTORY"
busybox=$(command -v busybox)
cp "$busybox" "$work/root/bin/busybox"
for applet in sh sleep nc wget ping ping6 httpd ip cat ls echo kill ps hostname mkdir seq date grep timeout; do
  ln -sf busybox "$work/root/bin/$applet"
done
tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)

image() { # NAME COMMAND-AS-JSON
  local config="{\"architecture\": \"$(dpkg --print-architecture)\", \"os\": \"linux\",
    \"config\": {\"Env\": [\"PATH=/bin\"], \"Cmd\": $2}, \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"sha256:$layer\"]}}"
  printf '%s' "$config" >"$work/config.json"
  local digest
  digest=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/$digest.json"
  printf '[{"Config": "%s.json", "RepoTags": ["localhost/ikat-e2e/%s:1"], "Layers": ["layer.tar"]}]' "$digest" "$1" \
    >"$work/manifest.json"
  tar -C "$work" -cf "$DIRECTORY/$1.tar" manifest.json "$digest.json" layer.tar
}

image pause '["/bin/sleep", "2147483647"]'
image box '["/bin/sh"]'
