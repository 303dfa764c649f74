#!/busybox sh
# shellcheck shell=dash
# The first process of boot.sh's virtual machine: mounts this machine's root, which nobody there can change, below a
# layer in memory, and goes on there. 9p is how qemu shares a directory.
b=/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do $b insmod "/modules/$module.ko" || echo "guest: $module can't be loaded"; done </order
options=trans=virtio,version=9p2000.L,msize=1048576
$b mount -t 9p -o "$options,ro,cache=loose" root /lower
$b mount -t tmpfs -o size=75% memory /memory
$b mkdir /memory/upper /memory/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work overlay /new || $b poweroff -f
$b mkdir -p /new/out /new/usr/lib/modules
$b mount -t 9p -o "$options,cache=none" out /new/out
$b mount --bind "/lower$($b cat /modules-directory)" /new/usr/lib/modules
for directory in proc sys dev; do $b mount --move "/$directory" "/new/$directory"; done
exec $b switch_root /new /bin/bash /out/guest
