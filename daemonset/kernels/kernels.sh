#!/usr/bin/env bash
# Tests Ikat on kernels of Debian's, in virtual machines: see 'usage'. Called by ./dev kernels.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE
readonly RESULTS=$HERE/../target/kernels
readonly CACHE=${IKAT_KERNELS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ikat-kernels}
readonly BACKENDS=(nftables iptables-nft iptables-legacy ebpf)

usage() {
  cat <<TEXT
usage: ./dev kernels [OPTION...] [VERSION...] [-- TEST...]

Tests what was built on Debian's kernels from 5.10 on, each in a virtual machine that qemu emulates, and prints a table
of kernels and policy backends. A kernel's packages are fetched by apt from this machine's own Debian mirrors and
unpacked below $CACHE; none is installed. The root of a virtual machine is this machine's, which it can't change.

  VERSION          a series, such as 6.1, or the beginning of one (default: the newest of each series that Debian has)
  TEST             demo, contract (what each backend must do), policies (random programs and clusters), or the name of
                   a class of tests of any module (default: demo contract policies)
  --backends=LIST  only these, with commas between: ${BACKENDS[*]}
  --cpu=MODEL      the processor, as qemu names it, such as Nehalem, which has no AVX (default: all that qemu can do)
  --kvm            let the processor run the kernel itself, where this machine has /dev/kvm
  --list           only list the kernels that Debian has
  --clean          only remove what was fetched and the results

Without --kvm a backend took 1 to 8 minutes for the demo, 8 to 10 for the contract and 2 to 8 for the policies, on two
cores that had other work too. The table is also written to
daemonset/target/kernels/table.md, and what the tests of a kernel printed to daemonset/target/kernels/VERSION/. The exit code
is 1 if anything failed; a backend that a kernel can't run is refused with the reason, which is no failure.
TEXT
}

fail() {
  printf 'kernels: %s\n' "$*" >&2
  exit 1
}

say() {
  printf 'kernels: %s\n' "$*"
}

# What the tests of one kernel tell, as they tell it.
show_results() { # SERIES FILE SHOWN: prints how many lines were shown
  local column test outcome what seconds
  # An empty field between two tabs would be none to read.
  tail -n "+$(($3 + 1))" "$2" | tr '\t' '\037' | while IFS=$'\037' read -r column test outcome what seconds; do
    say "$1: $column, $test: $outcome${what:+: $what} ($seconds s)" >&2
  done
  wc -l <"$2"
}

# Runs the tests on one kernel; they leave $RESULTS/SERIES/results.
run_kernel() { # SERIES DIRECTORY
  local out=$RESULTS/$1 shown=0 code said=no boots=0
  rm -rf "$out"
  mkdir -p "$out"
  : >"$out/results"
  # Emulated, a kernel sometimes fails where it changes its own code while it boots.
  until [ "$said" = yes ] || [ "$boots" = 3 ]; do
    boots=$((boots + 1))
    say "$1: booting"
    "$HERE/boot.sh" "$2" "$out" daemonset/kernels/suite.sh "$JAVA_HOME" "${backends[*]}" "${tests[*]}" &
    booted=$!
    while kill -0 "$booted" 2>/dev/null; do
      sleep 2
      if [ "$said" = no ] && grep -q 'guest: Linux' "$out/console" 2>/dev/null; then
        said=yes
        say "$1: $(sed -n 's/.*guest: //p' "$out/console" | tr -d '\r')"
      fi
      shown=$(show_results "$1" "$out/results" "$shown")
    done
    code=0
    wait "$booted" || code=$?
    booted=''
    ! grep -q 'guest: Linux' "$out/console" 2>/dev/null || said=yes
  done
  show_results "$1" "$out/results" "$shown" >/dev/null
  if [ "$code" != 0 ]; then
    # Of which no test told anything, or not the last.
    printf 'virtual machine\tboot\tfailed\t%s\t0\n' "$(
      case $code in
        124) echo "not done in time" ;;
        125) echo "it ended before the tests did: $(cat "$out/qemu" "$out/console" 2>/dev/null | tr -d '\r' | grep -m 1 -E 'qemu|panic')" ;;
        *) echo "the tests ended with $code" ;;
      esac
    )" >>"$out/results"
    shown=$(($(wc -l <"$out/results") - 1))
    show_results "$1" "$out/results" "$shown" >/dev/null
  fi
}

# A row for each kernel and a column for each backend, of all the results.
table() { # SERIES...
  local series
  for series in "$@"; do
    sed "s/^/$series\t/" "$RESULTS/$series/results"
  done | awk -F '\t' '
    !($1 in kernels) { kernels[$1]; kernel[++rows] = $1 }
    !($2 in names) { names[$2]; name[++columns] = $2 }
    {
      cell = $1 SUBSEP $2
      seen[cell] = 1
      if ($4 == "refused") refused[cell] = $5
      if ($4 == "failed") failed[cell] = failed[cell] (failed[cell] == "" ? "" : "; ") $3 ($5 == "" ? "" : " (" $5 ")")
    }
    END {
      line = "| kernel |"; rule = "|---|"
      for (c = 1; c <= columns; c++) { line = line " " name[c] " |"; rule = rule "---|" }
      print line; print rule
      for (r = 1; r <= rows; r++) {
        line = "| " kernel[r] " |"
        for (c = 1; c <= columns; c++) {
          cell = kernel[r] SUBSEP name[c]
          text = !(cell in seen) ? "" : cell in failed ? "failed: " failed[cell] : cell in refused ? "refused: " refused[cell] : "ok"
          gsub(/\|/, "\\|", text)
          line = line " " text " |"
        }
        print line
      }
    }'
}

versions=() tests=() backends=("${BACKENDS[@]}") list=no
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit ;;
    --list) list=yes ;;
    --clean)
      rm -rf "$CACHE"/apt "$CACHE"/linux-* "$RESULTS"
      exit
      ;;
    --cpu=?*) export BOOT_CPU=${1#*=} ;;
    --kvm)
      [ -w /dev/kvm ] || fail "there is no /dev/kvm here that one may use"
      export BOOT_ACCEL=kvm BOOT_CPU=${BOOT_CPU:-host}
      ;;
    --backends=?*) IFS=, read -ra backends <<<"${1#*=}" ;;
    --) shift; tests=("$@"); break ;;
    -*) fail "there is no option '$1'; './dev kernels --help' lists them" ;;
    *) versions+=("$1") ;;
  esac
  shift
done
[ "${#tests[@]}" -gt 0 ] || tests=(demo contract policies)
for backend in "${backends[@]}"; do
  case " ${BACKENDS[*]} " in *" $backend "*) ;; *) fail "unknown backend '$backend'; there are ${BACKENDS[*]}" ;; esac
done

available=$("$HERE/packages.sh" list) || exit 1
if [ "$list" = yes ]; then
  printf '%s\n' "$available" | awk '{ printf "%-6s %-22s %s\n", $1, $2, $3 }'
  exit
fi
command -v qemu-system-x86_64 >/dev/null || fail "qemu is missing: install qemu-system-x86, or run ./dev kernels as root, which does"
mapfile -t all < <(awk '{ print $1 }' <<<"$available" | sort -V)
if [ "${#versions[@]}" -eq 0 ]; then versions=("${all[@]}"); fi
chosen=()
for version in "${versions[@]}"; do
  # The newest whose series begins so: 6 is 6.12, 6.1 itself.
  series=$(printf '%s\n' "${all[@]}" | awk -v given="$version" '$0 == given || index($0, given ".") == 1' | tail -1)
  [ -n "$series" ] || fail "Debian has no Linux $version in the suites that are looked at; it has ${all[*]}"
  chosen+=("$series")
done

booted=''
# shellcheck disable=SC2317 # The traps call it.
finish() {
  [ -z "$booted" ] || { kill "$booted" 2>/dev/null && wait "$booted"; } || true
}
trap finish EXIT
trap 'exit 130' INT TERM
# Only for a kernel that hangs: each test has a limit of its own, and this machine may do other things too.
export BOOT_TIMEOUT=${BOOT_TIMEOUT:-$((3600 * ${#backends[@]} * ${#tests[@]} + 600))}
for series in "${chosen[@]}"; do
  package=$(awk -v series="$series" '$1 == series { print $2 }' <<<"$available")
  directory=$("$HERE/packages.sh" fetch "$package") || exit 1
  # Of the same series, but older.
  for other in "$CACHE/linux-$series".*; do
    [ "$other" = "$directory" ] || [ ! -d "$other" ] || rm -rf "$other"
  done
  run_kernel "$series" "$directory"
done
table "${chosen[@]}" | tee "$RESULTS/table.md"
say "also in daemonset/target/kernels/table.md; what the tests printed is beside it"
! grep -q 'failed: ' "$RESULTS/table.md"
