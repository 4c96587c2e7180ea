#!/bin/sh
# Lets this machine run programs of another processor (arm64, amd64), also inside containers and chroots: the kernel
# hands them to QEMU. Does nothing where it can already. Usage: emulation.sh ARCHITECTURE
set -eu

case "${1:-}" in
    arm64) machine=aarch64 ;;
    amd64) machine=x86_64 ;;
    *) echo "emulation: name a processor, arm64 or amd64, not '${1:-}'" >&2; exit 64 ;;
esac
if [ "$(uname -m)" = "$machine" ]; then exit 0; fi

formats=/proc/sys/fs/binfmt_misc
# F: the kernel keeps the emulator open, so that file systems without it find it as well.
is_ready() { grep -qs '^flags:.*F' "$formats/qemu-$machine"; }

if is_ready; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "emulation: this machine cannot run programs for $1: install qemu-user-static and binfmt-support" >&2
    exit 1
fi
if ! command -v "qemu-$machine-static" >/dev/null || ! command -v update-binfmts >/dev/null; then
    echo "emulation: installing QEMU" >&2
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y qemu-user-static binfmt-support >&2
fi
if [ ! -e "$formats/register" ]; then mount -t binfmt_misc binfmt_misc "$formats"; fi
update-binfmts --enable "qemu-$machine" >&2 || true
is_ready || {
    echo "emulation: the kernel takes no emulator for $1: it needs binfmt_misc, and the right to register one there" >&2
    exit 1
}
