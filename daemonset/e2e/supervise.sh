# Sourced by the first process of each node and of the control plane: keeps services running, as systemd would.
# A service NAME is down while $STATE/stopped/NAME exists; its process is $STATE/pid/NAME, its output $STATE/log/NAME.log.

# Other namespaces' mounts, kept here, would keep those alive.
leave_foreign_mounts() {
  mount --make-rprivate /
  ! mountpoint -q /run/netns || umount --recursive --lazy /run/netns
}

supervise() { # NAME COMMAND...
  local name=$1
  shift
  while :; do
    if [ -e "$STATE/stopped/$name" ]; then
      sleep 0.2
      continue
    fi
    "$@" >>"$STATE/log/$name.log" 2>&1 &
    echo $! >"$STATE/pid/$name"
    wait $! || true
    rm -f "$STATE/pid/$name"
    sleep 0.5
  done
}
