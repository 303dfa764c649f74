#!/usr/bin/env bash
# Makes the agent's image of what was built: build.sh [--base=IMAGE] [--tag=NAME] [--archive=FILE|none] [--check]
# --check also starts it, see check.sh; needs podman.
# By docker (whose engine DOCKER_HOST may name), podman or buildah, whichever is there.
set -euo pipefail
cd "$(dirname "$0")/../../.."

readonly DISTRIBUTION=daemonset/target/ikat
# What the image has of Debian's packages: programs that the agent starts, and libraries that it loads.
readonly PACKAGES=nftables,libnftables1,libbpf1,iptables,ipset,conntrack,bird2
# What every Debian has, but neither these nor collect.sh call; with what only that needs, more than half of the packages.
readonly LEFT_OUT=apt,base-passwd,bsdutils,debconf,debian-archive-keyring,diffutils,e2fsprogs,hostname,\
init-system-helpers,libpam-modules,libpam-modules-bin,libpam-runtime,login,logsave,mawk,mount,ncurses-base,ncurses-bin,\
passwd,perl-base,sysvinit-utils,tzdata,usr-is-merged,util-linux,util-linux-extra
# The Debian of the base, as of an os-release file: Debian 12, but this machine's where that is newer, since the runtime
# was linked by jlink and gcc of this machine and may need its libc.
base_suite() (
  ID='' VERSION_ID='' VERSION_CODENAME=''
  # shellcheck disable=SC1090
  . "$1"
  case $ID:$VERSION_ID in
    debian:[0-9] | debian:1[0-2]) echo bookworm ;;
    # Testing and unstable have no number.
    debian:*) echo "${VERSION_CODENAME:-bookworm}" ;;
    *) echo bookworm ;;
  esac
)
SUITE=$(base_suite /etc/os-release)
readonly SUITE
# Debian as collect.sh finds it there, of what this file says; kept until ./dev clean, in an engine's store longer.
BASE_VERSION=$SUITE-$(cksum <daemonset/deploy/image/build.sh | cut -d ' ' -f 1)
readonly BASE_VERSION BASE_ARCHIVE=daemonset/target/image-base-$BASE_VERSION.tar

base='' tag=ikat-agent:0.1.0 archive=daemonset/target/ikat-agent.tar check=no

fail() {
  printf 'image: %s\n' "$*" >&2
  exit 1
}

# What this machine lacks, rather than what is wrong here: whoever calls this may do without the image.
lacking() {
  printf 'image: %s\n' "$*" >&2
  exit 3
}

# The base, of nothing but what the agent calls, fetched from where this machine's own packages come from. Packages are
# unpacked, not set up: nothing of this base but files is taken into the image.
make_base() {
  command -v debootstrap >/dev/null || lacking "give --base=IMAGE (a Debian), or install debootstrap to make one"
  local mirror directory part
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep '/debian/*$' | head -1)
  [ -n "$mirror" ] || lacking "no Debian mirror in this machine's apt sources; give --base=IMAGE"
  directory=$(mktemp -d)
  debootstrap --download-only --variant=minbase --include="$PACKAGES" --exclude="$LEFT_OUT" "$SUITE" "$directory" \
    "$mirror" >"$directory.log" 2>&1 ||
    {
      tail "$directory.log" >&2
      rm -rf "$directory"
      ! grep -q 'Failed getting release file' "$directory.log" || lacking "$mirror does not answer; give --base=IMAGE"
      fail "debootstrap failed"
    }
  local package name link
  rm -rf "$directory/var/lib/dpkg"
  mkdir -p "$directory/var/lib/dpkg/info" "$directory/var/lib/dpkg/updates"
  # Lists' names have the architecture.
  echo 1 >"$directory/var/lib/dpkg/info/format"
  # The merged /usr, which installing would make.
  for link in bin sbin lib lib64; do
    mkdir -p "$directory/usr/$link"
    ln -s "usr/$link" "$directory/$link"
  done
  for package in "$directory"/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -C "$directory" -x --keep-directory-symlink
    # So that dpkg-query can say what a file belongs to.
    name=$(dpkg-deb --field "$package" Package)
    [ "$(dpkg-deb --field "$package" Multi-Arch)" != same ] || name=$name:$(dpkg-deb --field "$package" Architecture)
    dpkg-deb --fsys-tarfile "$package" | tar -t | sed 's|^\.||; s|/$||; s|^$|/.|' >"$directory/var/lib/dpkg/info/$name.list"
    { dpkg-deb --field "$package"; printf 'Status: install ok installed\n\n'; } >>"$directory/var/lib/dpkg/status"
  done
  rm -rf "$directory"/var/cache "$directory"/debootstrap
  # Two of these may make it at once.
  part=$(mktemp "$BASE_ARCHIVE.XXXXXX")
  tar -C "$directory" -cf "$part" .
  mv "$part" "$BASE_ARCHIVE"
  rm -rf "$directory" "$directory.log"
}

import_base() {
  [ -s "$BASE_ARCHIVE" ] || make_base
  case $engine in
    docker | podman) "$engine" import - "$base" <"$BASE_ARCHIVE" >/dev/null ;;
    buildah)
      local container
      container=$(buildah from scratch)
      buildah add -q "$container" "$BASE_ARCHIVE" / >/dev/null
      buildah commit -q --rm "$container" "$base" >/dev/null
      ;;
  esac
}

has_image() {
  case $engine in
    buildah) buildah inspect --type image "$1" >/dev/null 2>&1 ;;
    *) "$engine" image inspect "$1" >/dev/null 2>&1 ;;
  esac
}

while [ $# -gt 0 ]; do
  case $1 in
    --base=*) base=${1#*=} ;;
    --tag=*) tag=${1#*=} ;;
    --archive=*) archive=${1#*=} ;;
    --check) check=yes ;;
    *) fail "there is no option '$1'" ;;
  esac
  shift
done
[ -x "$DISTRIBUTION/agent/bin/ikat-agent" ] || fail "build first: ./dev build"
[ -e daemonset/target/sbom.json ] || fail "the bill of materials is missing, as Maven makes none offline: ./dev build without -o"
if docker info >/dev/null 2>&1; then
  engine=docker
else
  engine=$(command -v podman || command -v buildah) || fail "neither docker, podman nor buildah is there"
  engine=$(basename "$engine")
fi
# By the name that Kubernetes completes the manifests' to; podman's own completion is localhost/...
name=$tag
case ${tag%%/*} in
  "$tag") name=docker.io/library/$tag ;;
  *.* | *:* | localhost) ;;
  *) name=docker.io/$tag ;;
esac
network=()
if [ -z "$base" ]; then
  # The others' builds without a daemon have no network of their own to leave out.
  [ "$engine" != docker ] || network=(--network none)
  base=localhost/ikat-base:$BASE_VERSION
  has_image "$base" || import_base
fi

# Beside what it links to.
context=$(mktemp -d daemonset/target/image.XXXXXX)
trap 'rm -rf "$context"' EXIT
mkdir "$context/ikat"
cp -al "$DISTRIBUTION/agent" "$DISTRIBUTION/cni" daemonset/target/sbom.json "$context/ikat/"
cp daemonset/deploy/image/collect.sh "$context/"
arguments=(-f daemonset/deploy/image/Dockerfile -t "$name" "${network[@]}" --build-arg "BASE=$base"
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  --build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)")
log=$(mktemp)
trap 'rm -rf "$log" "$context"' EXIT
run() {
  "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "'$*' failed"; }
}
case $engine in
  docker) run docker build "${arguments[@]}" "$context" ;;
  podman) run podman build --isolation=chroot "${arguments[@]}" "$context" ;;
  buildah) run buildah bud --isolation=chroot "${arguments[@]}" "$context" ;;
esac
if [ "$archive" != none ]; then
  rm -f "$archive"
  case $engine in
    docker) docker save -o "$archive" "$tag" ;;
    podman) podman save -q --format docker-archive -o "$archive" "$name" ;;
    buildah) buildah push -q "$name" "docker-archive:$archive:$name" ;;
  esac
  echo "image: $tag, $(($(stat -c %s "$archive") / 1048576)) MiB, also in $archive"
else
  echo "image: $tag"
fi
if [ "$check" = yes ]; then
  command -v podman >/dev/null || fail "--check needs podman"
  [ "$engine" = podman ] || podman load -q -i "$archive" >/dev/null
  daemonset/deploy/image/check.sh "$name"
fi
