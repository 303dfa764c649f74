#!/usr/bin/env bash
# The kernels of Debian's suites: packages.sh list | packages.sh fetch VERSION
#   list    the newest one of each series that Debian offers: series, version of the package, suite
#   fetch   has that version below the cache, unpacked but not installed, and prints its directory
# Fetched with lists and sources that are apt's for these calls only, from the mirrors that the machine's own packages
# come from; apt checks that Debian signed the lists, and the packages by them. Nothing of the machine's apt changes.
set -euo pipefail
readonly CACHE=${IKAT_KERNELS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ikat-kernels}
readonly APT=$CACHE/apt KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Debian's releases from 11 on, and the backports of the newest, which have the newest kernel.
readonly SUITES='bullseye bookworm trixie trixie-backports'
readonly SECURITY_SUITES='bullseye-security bookworm-security trixie-security'
# How old the lists may be, in minutes.
readonly LISTS_FRESH=1440

fail() {
  printf 'kernels: %s\n' "$*" >&2
  exit 1
}

say() {
  printf 'kernels: %s\n' "$*" >&2
}

# The place of a package archive, of those that the machine's own packages come from.
mirror() { # LABEL
  # shellcheck disable=SC2016 # This is apt's.
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" 'Component: main' |
    sed -n 1p
}

source_entry() { # URI SUITES
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$1" "$2" "$KEYRING"
}

own_apt() { # PROGRAM ARGUMENT...
  "$1" -q -o Dir::Etc::sourcelist="$APT/debian.sources" -o Dir::Etc::sourceparts="$APT/parts" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$APT/parts" -o Dir::State::lists="$APT/lists" \
    -o Dir::Cache="$APT/cache" -o Dir::State::status=/dev/null -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "${@:2}"
}

update_lists() {
  local main security
  [ -z "$(find "$APT/updated" -mmin "-$LISTS_FRESH" 2>/dev/null)" ] || return 0
  command -v apt-get >/dev/null || fail "there is no apt here, which fetches Debian's kernels"
  [ "$(dpkg --print-architecture)" = amd64 ] || fail "only kernels for amd64 are known, and this is $(dpkg --print-architecture)"
  [ -r "$KEYRING" ] || fail "Debian's keys are missing: install debian-archive-keyring"
  main=$(mirror Debian)
  [ -n "$main" ] || fail "no Debian mirror is among this machine's apt sources, so there is nowhere to fetch kernels from"
  security=$(mirror Debian-Security)
  mkdir -p "$APT"/{parts,lists/partial,cache/archives/partial}
  {
    source_entry "$main" "$SUITES"
    [ -z "$security" ] || source_entry "$security" "$SECURITY_SUITES"
  } >"$APT/debian.sources"
  say "reading which kernels Debian has (40 MB, once a day)"
  # A release that has gone from the mirror keeps nobody from the others.
  if own_apt apt-get update >"$APT/log" 2>&1 && [ -n "$(available)" ]; then
    touch "$APT/updated"
  elif [ -n "$(available)" ]; then
    say "the lists of Debian's packages could not be read anew, so these may be old: $(grep '^[EW]:' "$APT/log" | tail -1)"
  else
    grep '^[EW]:' "$APT/log" >&2 || true
    fail "the lists of Debian's packages can't be read from $main"
  fi
}

# Version and suite of each metapackage, the newest first.
available() {
  own_apt apt-cache madison linux-image-amd64 2>/dev/null | awk -F ' *[|] *' '{ split($3, uri, " "); print $2, uri[2] }'
}

list() {
  update_lists
  # 6.12 of 6.12.118-1; the first one of a series is its newest.
  available | sed -E 's|^(([0-9]+\.[0-9]+)\S*) (.*)/main|\2 \1 \3|' | awk '!seen[$1]++'
}

# The packages of which a kernel consists: what a package of it needs of the same version, in turn.
parts() { # VERSION PACKAGE
  case " $known " in *" $2 "*) return 0 ;; esac
  known+=" $2"
  local part
  for part in $(own_apt apt-cache show "$2=$1" | sed -nE 's/^(Pre-)?Depends: //p' | tr ',' '\n' |
    awk -v version="$1)" '$2 == "(=" && $3 == version { print $1 }'); do
    parts "$1" "$part"
  done
}

# Reads what apt says of its progress, for people (APT::Status-Fd).
show_progress() { # WHAT
  local kind percent shown=''
  while IFS=: read -r kind _ percent _; do
    percent=${percent%%.*}
    [ "$kind" = dlstatus ] && [ "$((percent / 25))" != "$shown" ] || continue
    shown=$((percent / 25))
    say "fetching $1, $percent %"
  done
}

fetch() { # VERSION
  local directory=$CACHE/linux-$1 part=$CACHE/linux-$1.part known='' package modules packages
  if [ ! -e "$directory/complete" ]; then
    rm -rf "$part" "$directory"
    mkdir -p "$part/packages" "$part/root"
    parts "$1" linux-image-amd64
    # apt fetches as a user of its own, where that one can write, and else as root.
    chown _apt "$part/packages" 2>/dev/null || true
    read -ra packages <<<"$known"
    (cd "$part/packages" && own_apt apt-get -o APT::Status-Fd=3 download "${packages[@]/%/=$1}" 3>&1 >"$APT/log" 2>&1) |
      show_progress "Linux $1" || { tail -n 3 "$APT/log" >&2; fail "the packages of Linux $1 can't be fetched"; }
    for package in "$part"/packages/*.deb; do
      dpkg-deb -x "$package" "$part/root"
    done
    rm -rf "$part/packages" "$part"/root/usr/share
    # Debian 13 has them in /usr/lib.
    modules=$(find "$part"/root/lib/modules "$part"/root/usr/lib/modules -mindepth 1 -maxdepth 1 2>/dev/null | head -1) || true
    [ -n "$modules" ] || fail "the packages of Linux $1 have no modules: $known"
    PATH=$PATH:/usr/sbin:/sbin depmod -b "${modules%/lib/modules/*}" "${modules##*/}"
    touch "$part/complete"
    mv "$part" "$directory"
  fi
  printf '%s\n' "$directory"
}

case ${1:-} in
  list) list ;;
  fetch) fetch "$2" ;;
  *) fail "packages.sh list | packages.sh fetch VERSION" ;;
esac
