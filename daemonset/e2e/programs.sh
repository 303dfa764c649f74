#!/usr/bin/env bash
# Builds programs of the test cluster from Go modules, each once a machine: again only when its go.mod or go.sum has
# changed. What can be built is in kubernetes/programs.
# usage: programs.sh MODULE[/PROGRAM]...    as in: programs.sh etcd kubernetes-1.37/kubelet
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly MODULES=$HERE/kubernetes LOG=$CACHE/build.log

# Lines of the table that are asked for and not built.
wanted() {
  local module program package seconds asked
  while read -r module program package seconds; do
    [[ $module != '#'* ]] || continue
    for asked in "$@"; do
      [ "$asked" = "$module" ] || [ "$asked" = "$module/$program" ] || continue
      is_built "$module" "$program" "$package" || echo "$module $program $package $seconds"
      break
    done
  done <"$MODULES/programs"
}

# What a program was built of.
source_of() { # MODULE PACKAGE
  local files=("$MODULES/$1/go.mod" "$MODULES/$1/go.sum")
  [[ $2 != ./* ]] || files+=("$MODULES/$1/$2"/*.go)
  cat "${files[@]}" | sha256sum | cut -d' ' -f1
}

is_built() { # MODULE PROGRAM PACKAGE
  [ -x "$CACHE/$1/$2" ] && [ "$(cat "$CACHE/$1/.$2.source" 2>/dev/null)" = "$(source_of "$1" "$3")" ]
}

# The version of the module that a package is of, as go.mod has it; nothing for a package of ours.
version_of() { # MODULE PACKAGE
  awk -v package="$2/" '{ sub(/^require /, ""); path = $1 "/" }
    path ~ /\./ && $2 ~ /^v/ && index(package, path) == 1 { print $2; exit }' "$MODULES/$1/go.mod"
}

# A version as the programs say it; without that a kubelet calls itself v0.0.0.
version_flags() { # MODULE VERSION
  case $1 in
    kubernetes-* | kubeadm)
      local minor=${2#v1.}
      echo "-X k8s.io/component-base/version.gitVersion=$2 -X k8s.io/component-base/version.gitMajor=1" \
        "-X k8s.io/component-base/version.gitMinor=${minor%%.*} -X k8s.io/component-base/version.gitTreeState=clean"
      ;;
    containerd) echo "-X github.com/containerd/containerd/v2/version.Version=$2" ;;
    crictl) echo "-X sigs.k8s.io/cri-tools/pkg/version.Version=$2" ;;
    plugins) echo "-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=$2" ;;
  esac
}

build() { # MODULE PROGRAM PACKAGE
  local command=(build) output
  [ "$2" != e2e.test ] || command=(test -c)
  mkdir -p "$CACHE/$1"
  output=$CACHE/$1/$2
  (cd "$MODULES/$1" && CGO_ENABLED=0 GOFLAGS=-mod=readonly nice -n 10 "$go" "${command[@]}" -trimpath -buildvcs=false \
    -tags "no_btrfs no_zfs no_devmapper" -ldflags "-s -w $(version_flags "$1" "$(version_of "$1" "$3")")" -o "$output.new" "$3") >>"$LOG" 2>&1 || return
  mv "$output.new" "$output"
  source_of "$1" "$3" >"$CACHE/$1/.$2.source"
}

list=$(wanted "$@")
[ -n "$list" ] || exit 0
mkdir -p "$CACHE"
go=$(go_command)
count=$(wc -l <<<"$list") total=$(awk '{ sum += $4 } END { print sum }' <<<"$list") number=0 before=0 start=$SECONDS
echo "cluster: building $count programs from Go modules, some $(((total + 59) / 60)) minutes on two processors; log: $LOG"
while read -r module program package seconds; do
  number=$((number + 1))
  printf 'cluster: %2d of %d, %3d %%: %s %s\n' "$number" "$count" $((before * 100 / total)) "$program" \
    "$(version_of "$module" "$package")"
  build "$module" "$program" "$package" </dev/null || { tail -n 20 "$LOG" >&2; fail "$program could not be built"; }
  before=$((before + seconds))
done <<<"$list"
echo "cluster: built in $((SECONDS - start)) s"
