#!/bin/bash
# What boot.sh's virtual machine runs in the place of an init system: the file systems that a system has, the command,
# and the end.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
checkout=$(cat /out/checkout)
# A checkout in /tmp is still there below the new /tmp.
mkdir -p /.checkout
mount --bind "$checkout" /.checkout
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs tmp /tmp
[ -e "$checkout/dev" ] || { mkdir -p "$checkout" && mount --bind /.checkout "$checkout"; }
mkdir -p /run/lock /dev/pts /dev/shm
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount --make-rshared /
ln -sfn /proc/self/fd /dev/fd
busybox hostname guest
ip link set lo up
echo "guest: Linux $(uname -r) is up after $(cut -d' ' -f1 /proc/uptime) s" >/dev/console
setsid bash /out/command >/out/output 2>&1 </dev/null
echo $? >/out/code.part
mv /out/code.part /out/code
sync
busybox poweroff -f
