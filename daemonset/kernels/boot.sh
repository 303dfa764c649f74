#!/usr/bin/env bash
# Boots a kernel in a virtual machine whose root is this machine's, and runs a command there:
#   boot.sh DIRECTORY OUT COMMAND...
# DIRECTORY has a kernel as packages.sh lays it; OUT is a directory, which the command sees as /out. What it writes
# anywhere else goes into memory and ends with the virtual machine. Its output is OUT/output, what the kernel says
# OUT/console. BOOT_TIMEOUT (seconds), BOOT_CPU, BOOT_ACCEL (tcg or kvm), BOOT_MEMORY (MiB) and BOOT_CPUS change the machine.
# Ends with what the command ended with; 124 after the time limit, and 125 if the virtual machine ended before the command.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=$(cd "$HERE/../.." && pwd)
readonly HERE CHECKOUT
readonly KERNEL=$1/root OUT=$2
readonly SHARE=security_model=none
# What mounts this machine's root in the initramfs.
readonly NEEDED='virtio_pci 9pnet_virtio 9p overlay virtio_rng'

MODULES=$(find "$KERNEL"/lib/modules "$KERNEL"/usr/lib/modules -mindepth 1 -maxdepth 1 2>/dev/null | head -1) || true
readonly MODULES
readonly RELEASE=${MODULES##*/}
image=$KERNEL/boot/vmlinuz-$RELEASE
[ -e "$image" ] || image=$MODULES/vmlinuz

work=$(mktemp -d)
qemu=''
finish() {
  [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# A module and what it needs, each once, in the order in which they are loaded; nothing for one that is built in.
add_module() { # NAME
  local line path dependency file
  line=$(grep -E "(^|/)$1\.ko[.a-z]*:" "$MODULES/modules.dep" | head -1) || return 0
  path=${line%%:*}
  for dependency in ${line#*:}; do
    dependency=${dependency##*/}
    add_module "${dependency%%.ko*}"
  done
  ! grep -qx "$1" "$work/root/order" || return 0
  file=$MODULES/$path
  case $path in
    *.xz) xz -dc "$file" ;;
    *.zst) zstd -dc "$file" ;;
    *) cat "$file" ;;
  esac >"$work/root/modules/$1.ko"
  echo "$1" >>"$work/root/order"
}

mkdir -p "$OUT" "$work"/root/{modules,lower,memory,new,proc,sys,dev}
rm -f "$OUT"/{code,output,console}
cp "$(command -v busybox)" "$work/root/busybox"
install -m 755 "$HERE/initramfs.sh" "$work/root/init"
printf '%s\n' "$(realpath "$(dirname "$MODULES")")" >"$work/root/modules-directory"
: >"$work/root/order"
for module in $NEEDED; do add_module "$module"; done
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs"
cp "$HERE/guest.sh" "$OUT/guest"
printf '%s\n' "$CHECKOUT" >"$OUT/checkout"
printf 'cd %q && %s\n' "$CHECKOUT" "$(printf '%q ' "${@:3}")" >"$OUT/command"

accelerator=${BOOT_ACCEL:-tcg}
[ "$accelerator" != tcg ] || accelerator=tcg,thread=multi,tb-size=512
nice -n 10 qemu-system-x86_64 -accel "$accelerator" -cpu "${BOOT_CPU:-max,-la57}" -m "${BOOT_MEMORY:-4096}" -smp "${BOOT_CPUS:-2}" \
  -display none -nic none -no-reboot -serial "file:$OUT/console" -monitor none -kernel "$image" -initrd "$work/initramfs" \
  -device virtio-rng-pci -virtfs "local,path=/,mount_tag=root,$SHARE,readonly=on,multidevs=remap" \
  -virtfs "local,path=$OUT,mount_tag=out,$SHARE" \
  -append "console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on loglevel=4" </dev/null >"$OUT/qemu" 2>&1 &
qemu=$!
deadline=$((SECONDS + ${BOOT_TIMEOUT:-3600}))
while kill -0 "$qemu" 2>/dev/null; do
  [ "$SECONDS" -lt "$deadline" ] || exit 124
  sleep 1
done
qemu=''
[ -s "$OUT/code" ] || exit 125
exit "$(cat "$OUT/code")"
