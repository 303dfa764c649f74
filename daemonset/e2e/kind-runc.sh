#!/usr/bin/env bash
# runc for an engine whose machine's root lacks CAP_SYS_RESOURCE: privileged containers get all other capabilities, and
# neither limits nor scores for the OOM killer that would be a raise.
set -euo pipefail
for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  case ${!i} in
    --bundle) file=${!next}/config.json process=.process ;;
    --process) file=${!next} process=. ;;
    *) continue ;;
  esac
  jq "$process |= (del(.oomScoreAdj, .rlimits) |
    if .capabilities then .capabilities |= map_values(. - [\"CAP_SYS_RESOURCE\"]) else . end)" "$file" >"$file.new"
  mv "$file.new" "$file"
done
exec runc "$@"
