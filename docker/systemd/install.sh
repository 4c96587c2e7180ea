#!/bin/sh
# Puts the root file system of slipway:TAG under PREFIX, for a unit that runs it with RootDirectory: the bytes of the
# image, without a container engine at run time. A release stands beside the one that runs, and a link leads to the
# newest; files of /etc/slipway that exist are left alone. Usage: install.sh PREFIX (DESTDIR=FOLDER to pack it elsewhere,
# TAG as in build.sh). remove: install.sh --remove PREFIX
set -eu

cd "$(dirname "$0")/../.."
say() { printf '%s\n' "install: $*" >&2; }
fail() { printf '%s\n' "install: $1" "  why: $2" "  fix: $3" >&2; exit 64; }

# Whether a process has this folder as its root, by number: what its link says is of its own view of the machine.
in_use() {
    stat --dereference --format %d:%i /proc/[0-9]*/root 2>/dev/null | grep -qx "$(stat --format %d:%i "$1")"
}

# Releases in PREFIX that no process of this machine has as its root, but for those that the arguments name.
unused() {
    for release in "$target"/releases/*; do
        name=$(basename "$release")
        case " $* " in *" $name "*) continue ;; esac
        if [ -d "$release" ] && ! in_use "$release"; then printf '%s\n' "$release"; fi
    done
}

keep_or_make() {
    if [ -e "$2" ]; then say "kept $2"; else install -m "$1" "$3" "$2" && say "made $2"; fi
}

unpack() {
    engine=$(sh docker/base/engine.sh)
    image="slipway:${TAG:-dev}"
    # Unquoted on purpose: the engine's command may hold two words, such as sudo docker.
    # shellcheck disable=SC2086
    id=$($engine image inspect --format '{{.Id}}' "$image" | sed 's/^sha256://' | cut -c 1-12)
    release="$target/releases/$id"
    if [ ! -d "$release" ]; then
        say "unpacking $image to $prefix/releases/$id"
        rm -rf "$target/releases/unfinished"
        mkdir -p "$target/releases/unfinished"
        # shellcheck disable=SC2086
        made=$($engine create "$image")
        # Through a file: a pipe would hide that its first half has failed.
        # shellcheck disable=SC2086
        $engine export --output "$target/releases/archive" "$made" || { $engine rm "$made" >/dev/null; return 1; }
        # shellcheck disable=SC2086
        $engine rm "$made" >/dev/null
        tar --extract --numeric-owner --same-permissions --file "$target/releases/archive" \
            --directory "$target/releases/unfinished"
        rm "$target/releases/archive"
        # Where the unit mounts these of the machine.
        touch "$target/releases/unfinished/etc/localtime"
        mv "$target/releases/unfinished" "$release"
    fi
    before=$(readlink "$target/root" 2>/dev/null || echo none)
    # Renamed over the old link: there is always one.
    ln -sfn "releases/$id" "$target/root.new"
    mv -T "$target/root.new" "$target/root"
    unused "$id" "$(basename "$before")" | xargs -r rm -rf
}

remove=no
if [ "${1:-}" = --remove ]; then remove=yes && shift; fi
prefix="${1:-}"
case "$prefix" in
    /*[!A-Za-z0-9/._-]* | / | */ | *..*) fail "PREFIX=$prefix cannot be used" \
        "it stands in a unit, and must be a plain absolute path" "make install PREFIX=/opt/slipway" ;;
    /*) ;;
    *) fail "PREFIX is no absolute path" "it is '${prefix}'" "make install PREFIX=/opt/slipway" ;;
esac
target="${DESTDIR:-}$prefix"
[ "$(id -u)" = 0 ] || fail "only root may install" "files keep the owners that they have in the image" "run it as root"
if [ -e "$target" ] && [ ! -e "$target/.slipway" ] && [ -n "$(ls -A "$target")" ]; then
    fail "$target is not ours" "it holds files, and no .slipway" "name a new folder"
fi

if [ "$remove" = yes ]; then
    [ -e "$target/.slipway" ] || { say "nothing is in $target"; exit 0; }
    for release in "$target"/releases/*/; do
        if [ -d "$release" ] && in_use "$release"; then
            fail "$target is in use" "a process runs in it" "systemctl disable --now slipway"
        fi
    done
    rm -rf "$target"
    say "removed $prefix; kept /etc/slipway and /var/lib/slipway"
    exit 0
fi

mkdir -p "$target/releases" "$target/bin"
touch "$target/.slipway"
unpack
install -m 0755 docker/systemd/slipway "$target/bin/slipway"
folder="${DESTDIR:-}/etc/slipway"
install -d -m 0755 "$folder"
install -d -m 0700 "$folder/secrets"
keep_or_make 0644 "$folder/config.yaml" docker/systemd/config.yaml
keep_or_make 0600 "$folder/environment" docker/systemd/environment
if [ ! -e "$folder/secrets/LITELLM_MASTER_KEY" ]; then
    (umask 077 && printf 'sk-%s' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >"$folder/secrets/LITELLM_MASTER_KEY")
    say "made $folder/secrets/LITELLM_MASTER_KEY"
fi
say "next: edit /etc/slipway/config.yaml, then" \
    "$prefix/bin/slipway explain --format systemd --config /etc/slipway/config.yaml > /etc/systemd/system/slipway.service" \
    "and: systemctl daemon-reload && systemctl enable slipway && systemctl restart slipway"
