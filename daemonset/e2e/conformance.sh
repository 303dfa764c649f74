#!/usr/bin/env bash
# Suites that others wrote, run against Ikat in the cluster of ./dev cluster: see 'usage'. Called by ./dev conformance.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly REPORTS=$HERE/../../docs/reports KNOWN=$HERE/kubernetes/known-failures RUN=$CACHE/running
readonly SUITES='netpol network-conformance network cyclonus cni'

usage() {
  cat <<TEXT
usage: ./dev conformance [SUITE...] [--backend B] [--only PATTERN] [--report DIRECTORY]

Runs suites that others wrote against Ikat, in the cluster of './dev cluster up' (which is started if none runs, and then
ended), and writes a report of each suite and backend to docs/reports, with a file for JUnit beside it.

  netpol               the Netpol specs of Kubernetes' own e2e.test: NetworkPolicies by tables of who reaches whom
  network-conformance  its [sig-network] specs that are part of Kubernetes' conformance
  network              its other [sig-network] specs that need neither a cloud nor the Internet; each node gets a zone of
                       its own, or six and more three zones. Some specs want three nodes ('./dev cluster up --nodes 3'),
                       those of traffic distribution six
  cyclonus             the NetworkPolicies that cyclonus generates
  cni                  cnitool of the CNI project calls the plugin, alone and chained with the reference plugins

  (no SUITE)           all of them
  --backend B          nftables, iptables or ebpf (default: the one in force)
  --only PATTERN       specs whose names match this (regular expression); the report is then not written
  --report DIRECTORY   instead of docs/reports
TEXT
}

suites=() backend='' only='' reports=$REPORTS
while [ $# -gt 0 ]; do
  case $1 in
    --backend | --only | --report) [ $# -gt 1 ] || fail "$1 needs a value" ;;&
    --backend) backend=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --report) reports=$2; shift 2 ;;
    -h | --help) usage; exit ;;
    -*) usage >&2; fail "there is no option '$1'" ;;
    *)
      [[ " $SUITES " == *" $1 "* ]] || fail "there is no suite '$1'; there are $SUITES"
      suites+=("$1")
      shift
      ;;
  esac
done
[ "${#suites[@]}" -gt 0 ] || read -ra suites <<<"$SUITES"

cluster() { "$HERE/cluster.sh" "$@"; }

work=$(mktemp -d) started=no
finish() {
  rm -rf "$work"
  [ "$started" = no ] || cluster down
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -z "$(cluster nodes)" ]; then
  started=yes
  cluster up --nodes 3 ${backend:+--backend "$backend"}
fi
VERSION=$(cluster version)
KUBE_PROXY=$(. "$RUN/settings" && echo "$KUBE_PROXY")
readonly PROGRAMS=$CACHE/kubernetes-$VERSION KUBE_PROXY
is_modern || fail "the suites are those of Kubernetes 1.34 and later, and this cluster is $VERSION"
in_force=$(cat "$RUN/backend")
if [ -n "$backend" ] && [ "$backend" != "$in_force" ]; then
  echo "conformance: changing the backend from $in_force to $backend"
  cluster backend "$backend"
fi
backend=${backend:-$in_force}
readonly backend

has_sctp() {
  grep -q '^SCTP' /proc/net/protocols || modprobe -q sctp 2>/dev/null
}

# --- what a report says ---

# Lines of "result TAB seconds TAB name TAB words", result being passed, failed or skipped.
report() { # SUITE TITLE COMMAND RESULTS LEFT-OUT-TEXT
  local suite=$1 title=$2 command=$3 results=$4 left_out=$5 file passed failed skipped totals
  passed=$(grep -c '^passed' "$results" || true) failed=$(grep -c '^failed' "$results" || true)
  skipped=$(grep -c '^skipped' "$results" || true)
  totals="$passed passed, $failed failed"
  [ "$skipped" = 0 ] || totals+=", $skipped skipped"
  echo "conformance: $suite with $backend: $totals"
  count_unexplained "$suite" "$results"
  [ -z "$only" ] || return 0
  mkdir -p "$reports"
  file=$reports/$suite-$backend.md
  {
    printf '# %s, %s\n\n' "$title" "$backend"
    printf '| | |\n|---|---|\n'
    printf '| result | %s |\n' "$totals"
    printf '| date | %s |\n' "$(date -u +%Y-%m-%d)"
    printf '| Ikat | %s, policy backend %s |\n' "$(git -C "$HERE" rev-parse --short HEAD)" "$backend"
    printf '| cluster | Kubernetes %s, %s, %s nodes, kube-proxy in mode %s |\n' "$(cluster kubectl version -o json | jq -r .serverVersion.gitVersion)" \
      "$(cluster kubectl get node node-1 -o jsonpath='{.status.nodeInfo.containerRuntimeVersion}')" "$(cluster nodes | wc -l)" \
      "$KUBE_PROXY"
    printf '| kernel | %s |\n' "$(uname -r)"
    printf '| command | `%s` |\n' "$command"
    printf '| time | %s s |\n\n' "$((SECONDS - begun))"
    [ -z "$left_out" ] || printf 'Left out: %s\n\n' "$left_out"
    if [ "$failed" -gt 0 ]; then
      printf '## Failed\n\n| what | why |\n|---|---|\n'
      grep '^failed' "$results" | while IFS=$'\t' read -r _ _ name words; do
        printf '| %s | %s |\n' "${name//|/\\|}" "$(explanation "$suite" "$name" "$words")"
      done
      printf '\n'
    fi
    if [ -s "$work/alone" ]; then
      printf '## Passed only when run alone\n\nAt first four specs ran at once, and these failed:\n\n| what | what it said then |\n|---|---|\n'
      said <"$work/alone"
      printf '\n'
    fi
    if [ "$skipped" -gt 0 ]; then
      printf '## Skipped by the suite\n\n| what | why |\n|---|---|\n'
      grep '^skipped' "$results" | said
      printf '\n'
    fi
    printf '## Passed\n\n'
    grep '^passed' "$results" | cut -f3 | sed 's/^/- /; s/[<>]/\\&/g'
  } >"$file"
  echo "conformance: report: $(realpath --relative-to="$PWD" "$file")"
}

# Results as a table's rows: their names, and what the suite said.
said() {
  local name words
  while IFS=$'\t' read -r _ _ name words; do
    printf '| %s | %s |\n' "${name//|/\\|}" "$(tr '\n|' '  ' <<<"$words" | cut -c 1-200 | sed 's/[<>]/\\&/g')"
  done
}

unexplained=0
count_unexplained() { # SUITE RESULTS
  local name words
  while IFS=$'\t' read -r _ _ name words; do
    [[ $(explanation "$1" "$name" "$words") != 'not explained: '* ]] || unexplained=$((unexplained + 1))
  done < <(grep '^failed' "$2")
}

# Of the file of known failures; or what the suite said.
explanation() { # SUITE NAME WORDS
  local suite pattern reason
  while IFS=$'\t' read -r suite pattern reason; do
    [[ $suite != '#'* ]] || continue
    if [[ $suite == "$1" || $suite == "$1 with kube-proxy $KUBE_PROXY" ]] && [[ $2 =~ $pattern ]]; then
      echo "$reason"
      return
    fi
  done <"$KNOWN"
  printf 'not explained: %s' "$(tr '\n|' '  ' <<<"$3" | cut -c 1-300)"
}

# --- Kubernetes' own tests ---

e2e_images() {
  local names
  "$HERE/programs.sh" coredns "kubernetes-$VERSION"/{agnhost,regression-issue-74839,e2e.test,ginkgo}
  ! has_images e2e || return 0
  mapfile -t names < <("$PROGRAMS/e2e.test" --list-images 2>/dev/null | grep -E '/(agnhost|busybox|distroless-iptables|glibc-dns-testing|jessie-dnsutils|pause|regression-issue-74839):')
  load_images e2e "${names[@]}"
}

has_images() { # e2e|cyclonus
  [ -e "$RUN/$1-images" ]
}

# Once a cluster.
load_images() { # e2e|cyclonus NAME...
  local suite=$1 archive
  "$HERE/images.sh" "$suite" "$work/images-$suite" "$VERSION" "${@:2}"
  for archive in "$work/images-$suite"/*.tar; do
    mv "$archive" "$RUN/images/$suite-${archive##*/}"
    cluster load "$RUN/images/$suite-${archive##*/}"
  done
  touch "$RUN/$suite-images"
}

e2e_suite() { # SUITE TITLE FOCUS SKIP LEFT-OUT-TEXT
  local suite=$1 title=$2 focus=$3 skip=$4 left_out=$5 count log=$RUN/conformance-$1-$backend.log output=$work/$1
  e2e_images
  mkdir -p "$output"
  [ -z "$only" ] || focus="$focus.*($only)"
  count=$("$PROGRAMS/e2e.test" --ginkgo.dry-run --ginkgo.no-color --ginkgo.focus="$focus" --ginkgo.skip="$skip" 2>/dev/null |
    sed -n 's/^Will run \([0-9]*\) of.*/\1/p')
  echo "conformance: $suite with $backend: $count specs; log: $log"
  run_specs 4 "$count" "$focus" "$skip" "$log" "$output" "$work/results"
  again "$suite" "$work/results" "$output/again"
  report "$suite" "$title" "./dev conformance $suite --backend $backend" "$work/results" "$left_out"
  [ -n "$only" ] || cp "$output/junit.xml" "$reports/$suite-$backend.xml"
  ! grep -q '^failed' "$work/results" || grep '^failed' "$work/results" | cut -f3,4 | cut -c 1-300 | sed 's/^/  failed: /'
}

# The results of specs, this many of them at once. The number of nodes is said, because only the first of the processes
# finds it out, and the others then skip what wants two.
run_specs() { # PROCESSES COUNT FOCUS SKIP LOG OUTPUT RESULTS
  mkdir -p "$6"
  # In the control plane's network, from which nodes and pods are reached.
  cluster enter control env KUBECONFIG="$RUN/admin.kubeconfig" "$PROGRAMS/ginkgo" --procs="$1" --no-color --focus="$3" \
    --skip="$4" --json-report=report.json --junit-report=junit.xml --output-dir="$6" --silence-skips -v \
    "$PROGRAMS/e2e.test" -- --provider=skeleton --kubectl-path="$PROGRAMS/kubectl" --dump-logs-on-failure=false \
    --allowed-not-ready-nodes=9 --disable-log-dump --num-nodes="$(schedulable)" >"$5" 2>&1 </dev/null &
  local runner=$!
  progress "$2" "$runner" "$5"
  wait "$runner" || true
  [ -s "$6/report.json" ] || { tail -n 5 "$5" >&2; fail "the specs did not run"; }
  # Those that were not chosen are skipped without a message.
  jq -r '.[].SpecReports[]? | select(.LeafNodeType == "It" and (.State | IN("passed", "failed", "timedout", "panicked", "interrupted", "aborted", "skipped"))) |
    select(.State != "skipped" or (.Failure.Message // "") != "") |
    [(if .State | IN("passed", "skipped") then .State else "failed" end), (.RunTime / 1e9), ((.ContainerHierarchyTexts // []) + [.LeafNodeText] | join(" ")),
     ((.Failure.Message // "") | gsub("\\s+"; " "))] | @tsv' "$6/report.json" >"$7"
}

schedulable() {
  cluster kubectl get nodes -o json | jq '[.items[] | select((.spec.taints // []) == [])] | length'
}

# Specs that run at once may want the same ports of the same nodes: what failed is run once more by itself, and what passes
# then counts as passed, and is named in the report.
again() { # SUITE RESULTS OUTPUT
  local count pattern
  : >"$work/alone"
  count=$(grep -c '^failed' "$2" || true)
  [ "$count" -gt 0 ] || return 0
  echo "conformance: $count failed; once more, one at a time"
  pattern=$(grep '^failed' "$2" | cut -f3 | sed -E 's/[][(){}.*+?^$|\\]/\\&/g' | paste -sd'|')
  run_specs 1 "$count" "$pattern" "^\$" "$RUN/conformance-$1-$backend-again.log" "$3" "$work/second"
  awk -F'\t' -v alone="$work/alone" 'NR == FNR { if ($1 == "passed") passed[$3] = 1; next }
    $1 == "failed" && passed[$3] { print >alone; $0 = "passed\t" $2 "\t" $3 "\t" }
    { print }' "$work/second" "$2" >"$2.new"
  mv "$2.new" "$2"
}

# Says what ended since it last said something.
progress() { # COUNT PROCESS LOG
  local done=0 now failed
  while kill -0 "$2" 2>/dev/null; do
    sleep 5
    now=$(grep -cE '^• (\[|$)' "$3" || true) failed=$(grep -cE '^• \[(FAILED|PANICKED|TIMEDOUT)' "$3" || true)
    if [ "$now" -ge $((done + 5)) ] || { [ "$now" = "$1" ] && [ "$now" != "$done" ]; }; then
      echo "conformance: $now of $1, $failed failed"
      done=$now
    fi
  done
}

sctp_left_out='' sctp_skip=''
if ! has_sctp; then
  sctp_left_out=' This kernel has no SCTP, so the specs whose connections are SCTP are left out.'
  sctp_skip='|\[Feature:SCTPConnectivity\]|:? sctp'
fi

run_netpol() {
  e2e_suite netpol "Kubernetes' Netpol specs" '\[sig-network\] Netpol' "^\$$sctp_skip" "${sctp_left_out# }"
}

run_network_conformance() {
  e2e_suite network-conformance "Kubernetes' [sig-network] conformance specs" '\[sig-network\].*\[Conformance\]' "^\$" ''
}

# Three zones of two nodes or more, which some specs want; where there are not enough nodes for that, a zone each. Zones that
# somebody has given them stay.
zones() {
  local node zones
  zones=$(cluster nodes | wc -l)
  [ "$zones" -lt 6 ] || zones=3
  for node in $(cluster kubectl get nodes -l '!topology.kubernetes.io/zone' -o name); do
    cluster kubectl label "$node" "topology.kubernetes.io/zone=zone-$(((${node##*-} - 1) % zones + 1))" >/dev/null
  done
}

run_network() {
  zones
  e2e_suite network "Kubernetes' other [sig-network] specs" '\[sig-network\]' \
    "Netpol|\[Conformance\]|\[Disruptive\]|Feature:LoadBalancer|Provider:|Internet connection|Networking-Performance|PerformanceDNS|KubeProxyNFAcct|LocalhostNodePorts|DNS configMap|\[Alpha\]|Feature:(NetworkPolicy|.*Alpha)$sctp_skip" \
    "what needs a cloud's load balancers or another cloud's service, the Internet, an upstream name server, or kube-proxy in mode iptables with localhost NodePorts; what measures performance; and what ends the machine's own services.$sctp_left_out"
}

source "$HERE/conformance-cyclonus.sh"
source "$HERE/conformance-cni.sh"

for suite in "${suites[@]}"; do
  begun=$SECONDS
  "run_${suite//-/_}"
done
[ "$unexplained" = 0 ] || fail "$unexplained failures are not explained in ${KNOWN#"$PWD/"}"
