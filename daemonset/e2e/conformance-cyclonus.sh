# Sourced by conformance.sh: the cases that cyclonus generates, each a policy or a change, and a table of who may reach whom
# as cyclonus computes it from the API's text.

run_cyclonus() {
  local log=$RUN/conformance-cyclonus-$backend.log output=$work/cyclonus.xml arguments
  "$HERE/programs.sh" cyclonus kubernetes-1.37/agnhost-short
  has_images cyclonus || load_images cyclonus docker.io/mfenwick100/cyclonus-worker:latest
  arguments=(--retries=4 "--junit-results-file=$output")
  has_sctp || arguments+=(--server-protocol=TCP,UDP)
  [ -z "$only" ] || arguments+=("--include=$only")
  echo "conformance: cyclonus with $backend; log: $log"
  cluster enter control env KUBECONFIG="$RUN/admin.kubeconfig" "$CACHE/cyclonus/cyclonus-batch" "${arguments[@]}" >"$log" 2>&1 </dev/null &
  local runner=$! done=0 now
  while kill -0 "$runner" 2>/dev/null; do
    sleep 5
    now=$(grep -c '^starting test case #' "$log" || true)
    [ "$now" -lt $((done + 10)) ] || { echo "conformance: $now cases begun"; done=$now; }
  done
  wait "$runner" || true
  [ -s "$output" ] || { tail -n 5 "$log" >&2; fail "cyclonus did not run"; }
  # Each testcase element begins a line here.
  sed 's/<testcase/\n&/g' "$output" | sed -nE '/^<testcase/ { s/.* name="([^"]*)".*/\1\t&/; p }' |
    awk -F'\t' '{ print ($2 ~ /<failure/ ? "failed" : "passed") "\t0\t" $1 "\t" }' |
    sed 's/&#34;/"/g; s/&gt;/>/g; s/&lt;/</g; s/&amp;/\&/g' >"$work/results"
  report cyclonus "The policies that cyclonus generates" "./dev conformance cyclonus --backend $backend" "$work/results" "${sctp_left_out# }"
  [ -n "$only" ] || cp "$output" "$reports/cyclonus-$backend.xml"
}
