#!/usr/bin/env bash
# Tests Ikat on the kernel that runs: suite.sh JAVA_HOME BACKENDS TESTS, both lists with blanks between. Called by
# kernels.sh in a virtual machine. Appends a line for each test to /out/results, with tabs between: the column of the table,
# the test, ok or refused or failed, what is wrong, and the seconds that it took. What a test printed is in /out/TEST-COLUMN.log.
set -uo pipefail
readonly JAVA=$1/bin/java BACKENDS=$2 TESTS=$3 DISTRIBUTION=$PWD/daemonset/target/ikat
readonly LIMIT=3600
# Enough to meet what a kernel can't do; the tests on one's own kernel try hundreds.
readonly PROGRAMS=2 CLUSTERS=2
# Tests of the contract that ask less of the kernel than of Ikat, by its listings: that each of many kinds of damage is found.
readonly NOT_IN_CONTRACT='.*#drift.*'
readonly JVM=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx1g --enable-native-access=ALL-UNNAMED
  --sun-misc-unsafe-memory-access=allow "-Dikat.distribution=$DISTRIBUTION"
  "-Dikat.differential.programs=$PROGRAMS" "-Dikat.differential.clusters=$CLUSTERS"
  # Emulated, and on a machine that does other things too.
  -Dikat.slowness=8)
readonly REFUSED="; this host can't run this policy backend"

result() { # COLUMN TEST OUTCOME WHAT SECONDS
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(tr '\t\n' '  ' <<<"$4" | sed 's/ *$//')" "$5" >>/out/results
}

# The beginning of the names of a backend's tests, and its module.
tests_of() {
  case $1 in
    nftables) echo dataplane-nftables dev.ikat.nftables.Nftables ;;
    iptables-nft) echo dataplane-iptables dev.ikat.iptables.Nft ;;
    iptables-legacy) echo dataplane-iptables dev.ikat.iptables.Legacy ;;
    ebpf) echo ebpf-loader dev.ikat.ebpf.Ebpf ;;
  esac
}

# Whether agents of the demo were refused by their backend is for the caller to see: it prints the reason.
demo() { # BACKEND
  case $1 in
    iptables-*) export IKAT_IPTABLES_VARIANT=${1#iptables-} ;;
    *) unset IKAT_IPTABLES_VARIANT ;;
  esac
  timeout "$LIMIT" "$JAVA" "${JVM[@]}" -cp "testbed/target/classes:testbed/target/dependency/*" \
    dev.ikat.testbed.demo.Demo --pods=2 --policy-backend="${1%%-*}"
}

classes() { # MODULE CLASS|OPTION...
  local class selected=()
  for class in "${@:2}"; do
    case $class in
      --*) selected+=("$class") ;;
      *) selected+=("--select-class=$class") ;;
    esac
  done
  timeout "$LIMIT" "$JAVA" "${JVM[@]}" -cp "$1/target/test-classes:bench/target/dependency/*" \
    org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors --details=testfeed \
    "${selected[@]}"
}

# The first lines that say what went wrong.
why() { # TEST LOG
  case $1 in
    demo) grep -E '^ +NO |NOT ALL WELL|Exception|^\./dev demo' "$2" | cut -c1-160 | tail -n 2 | paste -sd ';' ;;
    *) sed -nE '/:: FAILED$/ { s/^.* > //; s/ :: FAILED$//; N; s/\n\s*/: /; p }' "$2" | cut -c1-160 | head -3 | paste -sd ';' ;;
  esac
}

attempt() { # COLUMN TEST COMMAND...
  local log=/out/$2-$1.log begin=$SECONDS code=0 reason
  "${@:3}" >"$log" 2>&1 || code=$?
  # What an agent says, and what a test says that is skipped for it.
  reason=$(sed -nE "s/.*can't be ready: ([^\"]*)$REFUSED.*/\1/p; s/.*this machine can't run eBPF policies: //p" "$log" | sort -u | head -1)
  if [ -n "$reason" ]; then
    result "$1" "$2" refused "$reason" $((SECONDS - begin))
    return 1
  elif [ "$code" = 124 ]; then
    result "$1" "$2" failed "not done within $LIMIT s$(sed -nE 's/^.* > (.*) :: STARTED$/, was at \1/p' "$log" | tail -1)" \
      $((SECONDS - begin))
  elif [ "$code" != 0 ] || { [ "$2" != demo ] && ! grep -Eq '[1-9][0-9]* tests successful' "$log"; }; then
    result "$1" "$2" failed "$(why "$2" "$log")" $((SECONDS - begin))
  else
    # Such as where the tests need what this kernel does not have.
    result "$1" "$2" ok "$(sed -nE 's/^\[ *([1-9][0-9]* tests (skipped|aborted)) *\]$/\1/p' "$log" | paste -sd ' ')" \
      $((SECONDS - begin))
  fi
}

for backend in $BACKENDS; do
  read -r module prefix <<<"$(tests_of "$backend")"
  for test in $TESTS; do
    case $test in
      demo) attempt "$backend" demo demo "$backend" ;;
      contract) attempt "$backend" contract classes "$module" "--exclude-methodname=$NOT_IN_CONTRACT" "${prefix}BackendTest" ;;
      policies) attempt "$backend" policies classes "$module" "${prefix}ApiAgreementTest" "${prefix}EvaluatorAgreementTest" ;;
      *) ;;
    esac || break
  done
done
# The rest are classes.
for test in $TESTS; do
  case $test in demo | contract | policies) continue ;; esac
  file=$(find . -path "*/target/test-classes/*/$test.class" | head -1)
  if [ -z "$file" ]; then
    result "$test" class failed "there is no such class of tests" 0
    continue
  fi
  class=${file#*/test-classes/}
  class=${class%.class}
  attempt "$test" class classes "${file%%/target/*}" "${class//\//.}"
done
