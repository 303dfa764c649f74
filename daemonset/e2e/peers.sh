#!/usr/bin/env bash
# Ikat and other network plugins on the test cluster, taking turns: see 'usage'. Called by ./dev bench peers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly RUN=$CACHE/running PROBE=$HERE/../../testbed/target/classes/dev/ikat/testbed/traffic/ikat-probe
readonly PEERS='kube-router kube-network-policies'

usage() {
  cat <<TEXT
usage: ./dev bench peers [--peer NAME]... [--quick] [--rounds N] [--report FILE]

Compares Ikat with other network plugins on Kubernetes and containerd, in the cluster of './dev cluster', which must not
run: for each turn a new one is started and ended. The agents run as processes of the nodes. Prints one table: medians,
and in parentheses the 10th and the 90th percentile. A ratio above 1x means that Ikat is better.

  --peer NAME     one of them: kube-router (a network and policies), kube-network-policies (policies only, on Ikat's
                  network, by nfqueue); may be repeated (default: each that this kernel can run)
  --quick         fewer samples: to try it out, not for figures
  --rounds N      turns of each (default 3, or 1 with --quick); a turn takes some ten minutes, with --quick five
  --report FILE   writes the table there too

What is measured, and how: docs/performance.md. No figure is taken of a network that did not refuse a denied connection.
TEXT
}

fail() {
  printf 'peers: %s\n' "$*" >&2
  exit 1
}

say() { printf 'peers: %s\n' "$*"; }
cluster() { "$HERE/cluster.sh" "$@"; }

chosen=() quick=no rounds='' report=''
while [ $# -gt 0 ]; do
  case $1 in
    --peer | --rounds | --report) [ $# -gt 1 ] || fail "$1 needs a value" ;;&
    --peer)
      [[ " $PEERS " == *" $2 "* ]] || fail "there is no peer '$2'; there are $PEERS"
      chosen+=("$2")
      shift 2
      ;;
    --rounds) rounds=$2; shift 2 ;;
    --report) report=$2; shift 2 ;;
    --quick) quick=yes; shift ;;
    -h | --help) usage; exit ;;
    *) usage >&2; fail "there is no option '$1'" ;;
  esac
done
if [ -z "$rounds" ]; then if [ "$quick" = yes ]; then rounds=1; else rounds=3; fi; fi
[[ $rounds =~ ^[1-9][0-9]?$ ]] || fail "--rounds takes 1 to 99, not '$rounds'"
[ "$(id -u)" = 0 ] || fail "the cluster is made of namespaces, which needs root"
[ -z "$(cluster nodes)" ] || fail "a cluster runs already; './dev cluster down' ends it"

source "$HERE/peers/ikat.sh"
source "$HERE/peers/kube-router.sh"
source "$HERE/peers/kube-network-policies.sh"

# What this kernel can't run is left out, unless it was asked for.
peers=()
for peer in "${chosen[@]:-}" ; do [ -z "$peer" ] || peers+=("$peer"); done
if [ "${#peers[@]}" = 0 ]; then read -ra peers <<<"$PEERS"; fi
runnable=()
for peer in "${peers[@]}"; do
  if reason=$("obstacle_${peer//-/_}"); [ -z "$reason" ]; then
    runnable+=("$peer")
  elif [ "${#chosen[@]}" -gt 0 ]; then
    fail "$peer can't run here: $reason"
  else
    say "$peer is left out: $reason"
  fi
done
[ "${#runnable[@]}" -gt 0 ] || fail "this kernel can run none of the peers"

work=$(mktemp -d) started=no step=''
finish() {
  if [ -n "$step" ]; then
    kill -- "-$step" 2>/dev/null || true
    wait "$step" 2>/dev/null || true
  fi
  [ "$started" = no ] || cluster down
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Why it failed is in the logs, which the end of the cluster would take away.
fail_with_logs() { # MESSAGE
  local logs
  logs=$(mktemp -d "${TMPDIR:-/tmp}/ikat-peers.XXXXXX")
  cp "$work"/*.log "$logs/"
  (cd "$RUN" && cp --parents -r -- */log "$logs/") 2>/dev/null || true
  fail "$1; logs: $logs"
}

# As a process group of its own, which an interrupt ends as a whole; 'set -e' holds in it.
run_step() { # COMMAND...
  set -m
  "$@" </dev/null &
  set +m
  step=$!
  wait "$step" || { step='' && return 1; }
  step=''
}

turn() { # NAME
  local begun=$SECONDS
  say "round $round of $rounds: $1"
  started=yes
  run_step "install_${1//-/_}" >"$work/$1.log" 2>&1 || { tail -n 5 "$work/$1.log" >&2; fail_with_logs "$1 could not be installed"; }
  cluster kubectl wait --for=condition=Ready node --all --timeout=90s >/dev/null ||
    fail_with_logs "with $1 the nodes don't become ready"
  cluster kubectl -n kube-system rollout status deployment coredns --timeout=90s >/dev/null ||
    fail_with_logs "with $1 CoreDNS does not become ready"
  say "$1 is installed ($((SECONDS - begun)) s)"
  # In the control plane's network, from which the API is reached.
  run_step nsenter --net=/run/netns/ikat-control -- "$HERE/peers/measure.sh" "$1" "$("process_${1//-/_}")" "$quick" "$PROBE" \
    "$work/samples" || fail_with_logs "$1 could not be measured"
  versions_of_cluster=$(cluster kubectl get node node-1 -o jsonpath='{.status.nodeInfo.kubeletVersion}, {.status.nodeInfo.containerRuntimeVersion}')
  cluster down
  started=no
  say "$1 is measured ($((SECONDS - begun)) s)"
}

print_table() {
  printf 'Kubernetes %s; two nodes on one machine, %s processors, kernel %s; rounds: %s\n' "$versions_of_cluster" "$(nproc)" \
    "$(uname -r)" "$round"
  printf 'Ikat %s, backend nftables, overlay direct' "$(git -C "$HERE" rev-parse --short HEAD)"
  local peer
  for peer in "${runnable[@]}"; do printf '; %s' "$("version_${peer//-/_}")"; done
  printf '\ncommand: ./dev bench peers%s%s --rounds %s\n\n' "$(printf ' --peer %s' "${runnable[@]}")" \
    "$([ "$quick" = no ] || echo ' --quick')" "$rounds"
  LC_ALL=C sort -t $'\t' -k1,1n -k2,2 -k3,3 -k5,5n "$work/samples" | awk -F'\t' -f "$HERE/peers/table.awk"
}

# After each round, so that a failure leaves what was measured before.
for ((round = 1; round <= rounds; round++)); do
  for lane in ikat "${runnable[@]}"; do turn "$lane"; done
  print_table >"$work/table"
  [ -z "$report" ] || cp "$work/table" "$report"
done
cat "$work/table"
