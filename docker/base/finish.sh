#!/bin/sh
# Finishes a Debian root file system from the inside, where / is the target: removes what the running gateway never
# needs and what differs from one build to the next. Usage: finish.sh LIST... (their minus lines name what to remove).
# With programs.txt beside it, no other programs stay.
# Used by rootfs.py inside mmdebstrap, and by a plain `docker build` after apt-get install.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

[ "$#" -ge 1 ] && [ -r "$1" ] || { echo "finish.sh: name the lists of packages, such as runtime.txt" >&2; exit 64; }

# One after the other, in the order of the list: a removal script may call what leaves later.
# shellcheck disable=SC2013
for package in $(sed -n 's/^-\([a-z0-9.+-]*\).*/\1/p' "$@"); do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *' installed') dpkg --purge --force-depends --force-remove-essential --force-remove-protected "$package" ;;
  esac
done

rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/bug /usr/share/groff
rm -rf /usr/share/doc-base /usr/share/pixmaps /usr/share/applications /usr/share/perl5 /usr/share/debconf
# Licences ask for their copyright file; nothing else of the documentation stays.
find /usr/share/doc -depth ! -type d ! -name copyright -delete
find /usr/share/doc -depth -type d -empty -delete

# What apt, dpkg and package scripts leave behind.
rm -rf /var/lib/apt /var/cache/apt /var/cache/debconf /var/cache/ldconfig /var/cache/man /etc/apt /etc/dpkg/dpkg.cfg.d
rm -f /var/lib/dpkg/*-old /var/cache/*.bin /etc/.pwd.lock /etc/machine-id /var/lib/dbus/machine-id
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
rm -rf /var/log/* /var/backups/* /etc/fstab /etc/cron.daily /etc/logrotate.d
# The engine mounts its own over these two; in a plain build they are mounted now and cannot go.
rm -f /etc/resolv.conf /etc/hostname 2>/dev/null || true

# A file that gains rights when run has no use where no-new-privileges is on.
find / -xdev \( -perm -4000 -o -perm -2000 \) ! -type l -exec chmod ug-s {} +

# Parts of the standard library that only developers of Python use.
for part in test idlelib turtledemo tkinter turtle.py pydoc_data; do rm -rf /usr/lib/python3.*/"$part"; done
rm -f /usr/lib/python3.*/lib-dynload/_test*.so /usr/lib/python3.*/lib-dynload/_xxtest*.so /usr/lib/python3.*/lib-dynload/xx*.so

# Type declarations, for writing JavaScript.
rm -rf /usr/share/nodejs/@types /usr/share/nodejs/undici-types

# Of PostgreSQL: the empty cluster that its package makes, and what only its compiler of queries loads.
rm -rf /var/lib/postgresql/* /etc/postgresql /etc/postgresql-common /usr/share/postgresql/*/man
rm -rf /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/postgresql/*/lib/bitcode

# Character sets of iconv(3): UTF-8 is part of libc itself, and Python brings codecs of its own.
rm -rf /usr/lib/*/gconv
# For linking packages and for debconf; the lists, hashes and the status that scanners read stay.
rm -f /var/lib/dpkg/info/*.symbols /var/lib/dpkg/info/*.shlibs /var/lib/dpkg/info/*.templates /var/lib/dpkg/info/*.config
rm -rf /usr/bin/tini-static /var/lib/systemd
# They ask systemd's library who is logged in.
rm -f /usr/bin/who /usr/bin/users /usr/bin/pinky

# Bytecode that is never compared with its source: a layer may change the source's time stamp, and a read-only root
# cannot write a new one. One process and a fixed hash seed give the same bytes each time.
for tree in /usr/lib/python3 /usr/lib/python3.*; do
  [ -d "$tree" ] || continue
  find "$tree" -depth -type d -name __pycache__ -exec rm -rf {} +
  # Debian keeps ensurepip only where python3-venv put it.
  PYTHONHASHSEED=0 python3 -I -m compileall -q -f -j 1 --invalidation-mode unchecked-hash "$tree" >&2
done

programs="$(dirname "$0")/programs.txt"
if [ -r "$programs" ]; then
  kept=" $(sed 's/#.*//' "$programs" | tr -s '[:space:]' ' ') "
  for path in /usr/bin/* /usr/sbin/*; do
    case $kept in *" ${path##*/} "*) ;; *) rm "$path" ;; esac
  done
  rm -rf /usr/libexec /usr/lib/init /usr/lib/lsb /usr/lib/systemd /usr/lib/binfmt.d /usr/lib/tmpfiles.d /usr/lib/valgrind
  rm -rf /usr/share/bash-completion /usr/share/binfmts /usr/share/gdb /usr/share/menu /usr/share/polkit-1
  rm -rf /etc/systemd /etc/cron.d /etc/init.d /etc/default /etc/skel /etc/update-motd.d
  # Scripts of packages, for a dpkg that has gone.
  for kind in preinst postinst prerm postrm triggers; do rm -f /var/lib/dpkg/info/*."$kind"; done
  # Links to what has gone.
  find / -xdev -xtype l -exec rm {} +
fi
