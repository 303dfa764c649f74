# Sourced by the scripts of the test cluster: where things are, and how packages are installed.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${IKAT_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ikat-cluster}
readonly HERE CACHE

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

install_packages() { # PACKAGE...: those that are not there
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  echo "cluster: installing ${missing[*]}"
  apt-get update -qq
  # RUNLEVEL=1: the packages' services stay down, the cluster starts its own.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# Where this machine's own packages come from; nothing where that is no mirror of Debian.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | awk '/\/debian\/*$/ && !found { print; found = 1 }'
}

is_recent_go() { # GO: 1.21 is the first that fetches the release that a go.mod asks for
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 21 ]
}

# A go that builds anything here. Debian 12's fetches a newer release as the module that it is, whose checksum it checks.
go_command() {
  local candidate fetched=$CACHE/go/bin/go toolchain=go1.26.8
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go "$fetched"; do
    if [ -x "$candidate" ] && is_recent_go "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  install_packages golang-go >&2
  if is_recent_go /usr/bin/go; then
    echo /usr/bin/go
    return
  fi
  echo "cluster: fetching $toolchain, since Debian's go is older than 1.21" >&2
  local directory
  mkdir -p "$CACHE"
  directory=$(cd / && /usr/bin/go mod download -json "golang.org/toolchain@v0.0.1-$toolchain.linux-$(dpkg --print-architecture)" |
    sed -n 's/.*"Dir": "\(.*\)",$/\1/p')
  [ -d "$directory" ] || fail "go could not fetch its release $toolchain: install any go >= 1.21 and try again"
  rm -rf "$CACHE/go"
  cp -a "$directory" "$CACHE/go"
  chmod -R u+w "$CACHE/go"
  # Modules keep no permissions.
  chmod 755 "$CACHE/go/bin/"* "$CACHE/go/pkg/tool/"*/*
  echo "$fetched"
}

# Whether the cluster's Kubernetes is one of those of Go modules; VERSION is of the settings of a cluster that runs.
is_modern() {
  [ "$VERSION" != 1.20 ]
}

# Where the cluster's programs are: its own ones first.
programs_path() {
  local path=$CACHE/kubernetes-$VERSION
  if is_modern; then path+=:$CACHE/etcd:$CACHE/containerd:$CACHE/crictl; fi
  echo "$path:$PATH"
}

# Whether this machine's root may raise limits.
has_sys_resource() {
  (((0x$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status) >> 24) & 1))
}
