#!/bin/sh
# Installs what a list names that the base image does not have yet: nothing after `make`, whose base has all of it, and
# the mirror's current versions in a plain `docker build`. Usage: install.sh runtime|full|tools
set -eu

# A finished base has no package manager.
if ! command -v dpkg-query >/dev/null; then exit 0; fi

here=$(dirname "$0")
wanted() { sed -e 's/#.*//' -e '/^-/d' -e '/^[[:space:]]*$/d' "$@"; }
lists="$here/runtime.txt"
case "$1" in
    full) lists="$lists $here/node.txt" ;;
    tools) lists="$lists $here/tools.txt" ;;
esac

missing=
# shellcheck disable=SC2086
for package in $(wanted $lists); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done
if [ -z "$missing" ]; then exit 0; fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends $missing
if [ "$1" = tools ]; then
    rm -rf /var/lib/apt/lists/*
else
    # shellcheck disable=SC2086
    sh "$here/finish.sh" $lists
fi
