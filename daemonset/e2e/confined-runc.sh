#!/usr/bin/env bash
# runc where the machine's root lacks CAP_SYS_RESOURCE: privileged containers get all other capabilities, and no container
# gets limits or a score for the OOM killer that would be a raise. Docker and CRI-O call it in place of runc.
set -euo pipefail
for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  case ${!i} in
    --bundle | -b) file=${!next}/config.json process=.process ;;
    --process) file=${!next} process=. ;;
    *) continue ;;
  esac
  jq "del(.linux.resources.hugepageLimits) | $process |= (del(.oomScoreAdj, .rlimits) |
    if .capabilities then .capabilities |= map_values(. - [\"CAP_SYS_RESOURCE\"]) else . end)" "$file" >"$file.new"
  mv "$file.new" "$file"
done
exec runc "$@"
