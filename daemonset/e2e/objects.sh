#!/usr/bin/env bash
# Writes the cluster's objects, as the agent's service account may read them, as a directory of manifests.
# usage: objects.sh KUBECONFIG BIN DIRECTORY
set -euo pipefail
readonly KUBECONFIG=$1 BIN=$2 DIRECTORY=$3
export KUBECONFIG
while sleep 0.3; do
  # A file that is replaced at once, and only where something differs: the agents watch it.
  "$BIN/kubectl" get nodes,namespaces,pods,networkpolicies --all-namespaces -o json |
    jq -c '.items[] | del(.metadata.managedFields, .metadata.resourceVersion) | del(.status.conditions)' |
    sed 's/^/---\n/' >objects.new
  cmp -s objects.new "$DIRECTORY/objects.yaml" || mv objects.new "$DIRECTORY/objects.yaml"
done
