#!/usr/bin/env bash
# Writes images as archives that runtimes import, without a registry.
# usage: images.sh cluster DIRECTORY           one that only sleeps, for pods' sandboxes, one of busybox, and CoreDNS
#        images.sh e2e DIRECTORY VERSION NAME...   what stands for the images of Kubernetes' own tests under these names
#        images.sh cyclonus DIRECTORY VERSION NAME...   the image of cyclonus' pods
#        images.sh kubernetes DIRECTORY VERSION NAME...   what kubeadm starts, under the names that it asks for
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly KIND=$1 DIRECTORY=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$DIRECTORY"

layer() { # ROOT: makes layer.tar of it
  tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
}

# Of the layer that was made last; with what is in $environment, as JSON, besides a PATH.
image() { # FILE ENTRYPOINT-AS-JSON COMMAND-AS-JSON NAME...
  local file=$1 config digest names
  config="{\"architecture\": \"$(dpkg --print-architecture)\", \"os\": \"linux\", \"config\": {
    \"Env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"${environment:+, $environment}], \"Entrypoint\": $2, \"Cmd\": $3},
    \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)\"]}}"
  shift 3
  printf '%s' "$config" >"$work/config.json"
  digest=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/$digest.json"
  names=$(printf ', "%s"' "$@")
  printf '[{"Config": "%s.json", "RepoTags": [%s], "Layers": ["layer.tar"]}]' "$digest" "${names#, }" >"$work/manifest.json"
  tar -C "$work" -cf "$file.new" manifest.json "$digest.json" layer.tar
  mv "$file.new" "$file"
}

cluster_images() {
  local root=$work/box applet
  mkdir -p "$root"/{bin,tmp,etc,proc,sys,dev}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in sh sleep nc wget ping ping6 httpd ip cat ls echo kill ps hostname mkdir seq date grep timeout; do
    ln -sf busybox "$root/bin/$applet"
  done
  layer "$root"
  image "$DIRECTORY/pause.tar" null '["/bin/sleep", "2147483647"]' localhost/ikat-e2e/pause:1
  image "$DIRECTORY/box.tar" null '["/bin/sh"]' localhost/ikat-e2e/box:1
  [ -x "$CACHE/coredns/coredns" ] || return 0
  mkdir "$work/dns"
  cp "$CACHE/coredns/coredns" "$work/dns/"
  layer "$work/dns"
  image "$DIRECTORY/coredns.tar" '["/coredns"]' '[]' localhost/ikat-e2e/coredns:1
}

# Upstream's agnhost image is of Alpine with these programs; here they are Debian's, installed once a machine.
# Debian's busybox has a wget of its own, which ends with a segmentation fault: it is linked statically, and asks glibc for
# names.
readonly AGNHOST_PACKAGES=bind9-dnsutils,busybox-static,ca-certificates,conntrack,curl,iperf,iproute2,iptables,netcat-openbsd,procps,socat,wget
agnhost_root() {
  local root=$CACHE/agnhost-root mirror applet
  [ "$(cat "$CACHE/agnhost-packages" 2>/dev/null)" != "$AGNHOST_PACKAGES" ] || return 0
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || fail "no Debian mirror in this machine's apt sources, so there is nothing to make the tests' images of"
  echo "cluster: making the root of the tests' images (a minute or two, once); log: $CACHE/agnhost.log"
  rm -rf "$root.new"
  debootstrap --variant=minbase "--include=$AGNHOST_PACKAGES" bookworm "$root.new" "$mirror" >"$CACHE/agnhost.log" 2>&1 || { tail "$CACHE/agnhost.log" >&2; fail "debootstrap failed"; }
  rm -rf "$root.new"/{var/cache/apt,var/lib/apt/lists,usr/share/doc,usr/share/man,usr/share/locale,dev}
  mkdir -p "$root.new"/{dev,uploads,var/cache/apt,var/lib/apt/lists}
  # What Alpine's busybox has and Debian's base does not.
  for applet in ping vi nslookup telnet; do
    [ -e "$root.new/usr/bin/$applet" ] || ln -s /bin/busybox "$root.new/usr/bin/$applet"
  done
  echo 'user-defined-in-image:x:1000:1000::/home:/bin/sh' >>"$root.new/etc/passwd"
  printf '%s\n' 'user-defined-in-image:x:1000:' 'group-defined-in-image:x:50000:user-defined-in-image' >>"$root.new/etc/group"
  rm -rf "$root"
  mv "$root.new" "$root"
  echo "$AGNHOST_PACKAGES" >"$CACHE/agnhost-packages"
}

e2e_images() { # VERSION NAME...
  local root=$CACHE/agnhost-root module name servers=() shells=() sleepers=() senders=() version=$1
  shift
  agnhost_root
  module=$(cd "$HERE/kubernetes/kubernetes-$version" && "$(go_command)" list -m -f '{{.Dir}}' k8s.io/kubernetes)
  cp -a --reflink=auto "$root" "$work/agnhost"
  cp "$CACHE/kubernetes-$version/agnhost" "$work/agnhost/agnhost"
  ln -s agnhost "$work/agnhost/agnhost-2"
  cp "$module"/test/images/agnhost/porter/localhost.{crt,key} "$work/agnhost/"
  cp "$CACHE/coredns/coredns" "$work/agnhost/coredns"
  layer "$work/agnhost"
  for name in "$@"; do
    case ${name##*/} in
      agnhost:*) servers+=("$name") ;;
      pause:*) sleepers+=("$name") ;;
      # The server that sends what connection tracking does not expect.
      regression-issue-74839:*)
        mkdir -p "$work/invalid"
        cp "$CACHE/kubernetes-$version/regression-issue-74839" "$work/invalid/"
        senders+=("$name")
        ;;
      *) shells+=("$name") ;;
    esac
  done
  # Tests start it for a moment a thousand times: without collecting garbage at its start that takes 0.6 of the time.
  environment='"GOGC=off", "GOMEMLIMIT=64MiB"' image "$DIRECTORY/agnhost.tar" '["/agnhost"]' '["pause"]' "${servers[@]}"
  [ "${#sleepers[@]}" = 0 ] || image "$DIRECTORY/pause.tar" '["/bin/sleep"]' '["infinity"]' "${sleepers[@]}"
  [ "${#shells[@]}" = 0 ] || image "$DIRECTORY/shell.tar" null '["/bin/sh"]' "${shells[@]}"
  [ "${#senders[@]}" = 0 ] || {
    layer "$work/invalid"
    image "$DIRECTORY/sender.tar" '["/regression-issue-74839"]' '[]' "${senders[@]}"
  }
}

cyclonus_images() { # VERSION NAME...
  mkdir "$work/worker"
  cp "$CACHE/kubernetes-1.37/agnhost-short" "$work/worker/agnhost"
  cp "$CACHE/cyclonus/worker" "$work/worker/"
  layer "$work/worker"
  image "$DIRECTORY/worker.tar" '["/worker"]' '[]' "${@:2}"
}

# Each of the program that its name says. kube-proxy also calls iptables, which the tests' images have.
kubernetes_images() { # VERSION NAME...
  local name program root version=$1
  agnhost_root
  shift
  for name in "$@"; do
    program=${name##*/} program=${program%%:*} root=$work/$program
    mkdir -p "$root/tmp" "$root/usr/local/bin"
    case $program in
      pause) install -D "$(command -v busybox)" "$root/bin/sleep" ;;
      coredns) cp "$CACHE/coredns/coredns" "$root/" ;;
      etcd) cp "$CACHE/etcd/etcd" "$root/usr/local/bin/" ;;
      kube-proxy)
        cp -a --reflink=auto "$CACHE/agnhost-root/." "$root"
        cp "$CACHE/kubernetes-$version/kube-proxy" "$root/usr/local/bin/"
        ;;
      kube-*) cp "$CACHE/kubernetes-$version/$program" "$root/usr/local/bin/" ;;
      *) fail "kubeadm asks for $name, of which images.sh knows no program" ;;
    esac
    layer "$root"
    case $program in
      pause) image "$DIRECTORY/${name##*/}.tar" null '["/bin/sleep", "2147483647"]' "$name" ;;
      coredns) image "$DIRECTORY/${name##*/}.tar" '["/coredns"]' '[]' "$name" ;;
      *) image "$DIRECTORY/${name##*/}.tar" null "[\"$program\"]" "$name" ;;
    esac
    rm -rf "$root"
  done
}

case $KIND in
  cluster) cluster_images ;;
  kubernetes) kubernetes_images "${@:3}" ;;
  e2e) e2e_images "${@:3}" ;;
  cyclonus) cyclonus_images "${@:3}" ;;
esac
