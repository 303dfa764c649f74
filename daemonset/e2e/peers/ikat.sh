# Sourced by peers.sh: Ikat as processes. The nodes are on one link, so it has routes there as the peers have.

install_ikat() {
  ikat_network nftables
}

ikat_network() { # BACKEND
  local node
  cluster up --processes --backend "$1"
  for node in $(cluster nodes); do
    cluster enter "$node" sh -c 'echo "overlay: direct" >>/etc/ikat/config.yaml'
    cluster restart "$node" ikat-agent
  done
}

# What a process is found by; see agent_of in measure.sh.
process_ikat() { echo dev.ikat.agent.AgentMain; }

# A kubeconfig of a peer's service account, on a node.
peer_kubeconfig() { # ACCOUNT FILE
  cat >"$2" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.55.0.1:6443", certificate-authority: $RUN/control/certificates/apiserver.crt}}]
users: [{name: u, user: {token: $(cluster kubectl -n kube-system create token "$1" --duration=24h)}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
}

# A process of the node that ends with it.
start_on() { # NODE NAME COMMAND...
  local node=$1 name=$2
  shift 2
  cluster enter "$node" setsid "$@" >"$RUN/$node/log/$name.log" 2>&1 </dev/null &
  disown
}
