#!/bin/sh
# Puts the root file system of slipway:TAG under PREFIX, for a unit that runs it with RootDirectory: the bytes of the
# image, without a container engine at run time. A release stands beside the one that runs, and a link leads to the
# newest; files of /etc/slipway that exist are left alone. Usage: install.sh PREFIX (DESTDIR=FOLDER to pack it elsewhere,
# TAG as in build.sh). remove: install.sh --remove PREFIX
set -eu

cd "$(dirname "$0")/../.."
say() { printf '%s\n' "install: $*" >&2; }
fail() { printf '%s\n' "install: $1" "  why: $2" "  fix: $3" >&2; exit 64; }

# Keep another run of this off the same folder, until this one ends.
alone() {
    exec 9>>"$target/.slipway"
    flock --nonblock 9 || fail "$target cannot be changed now" "another install is at work there" "wait for its end"
}

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

# Make what standard input has into a file, unless there is one: whole, or not at all.
keep_or_make() {
    if [ -s "$2" ]; then say "kept $2" && return; fi
    install -m "$1" /dev/stdin "$2.unfinished" && sync "$2.unfinished" && mv "$2.unfinished" "$2" && say "made $2"
}

# What an end at any moment leaves of an unpacking.
tidy() {
    rm -rf "$target/releases/unfinished" "$target/releases/archive"
    # shellcheck disable=SC2086
    if [ -n "$made" ]; then $engine rm "$made" >/dev/null 2>&1 || true; fi
    made=
}

unpack() {
    engine=$(sh docker/base/engine.sh)
    image="slipway:${TAG:-dev}"
    # Unquoted on purpose: the engine's command may hold two words, such as sudo docker.
    # shellcheck disable=SC2086
    id=$($engine image inspect --format '{{.Id}}' "$image" 2>/dev/null) ||
        fail "$image is not there" "it is built or loaded first" "make image, or TAG=NAME for another"
    id=$(printf %.12s "${id#sha256:}")
    release="$target/releases/$id"
    if [ ! -d "$release" ]; then
        # shellcheck disable=SC2086
        bytes=$($engine image inspect --format '{{.Size}}' "$image")
        room=$(df --output=avail --block-size=1 "$target" | tail -1)
        # Packed and unpacked, both for a moment.
        [ "$room" -gt $((bytes * 5 / 2)) ] || fail "$target has no room for a release" \
            "it takes $((bytes * 5 / 2 / 1000000)) MB for a moment, and $((room / 1000000)) MB are free" \
            "make room, or name another PREFIX"
        trap tidy EXIT
        trap 'exit 130' INT TERM HUP
        say "unpacking $image to $prefix/releases/$id"
        tidy
        mkdir -p "$target/releases/unfinished"
        # shellcheck disable=SC2086
        made=$($engine create "$image")
        # Through a file: a pipe would hide that its first half has failed.
        # shellcheck disable=SC2086
        $engine export --output "$target/releases/archive" "$made"
        tar --extract --numeric-owner --same-permissions --file "$target/releases/archive" \
            --directory "$target/releases/unfinished"
        # Where the unit mounts these of the machine.
        touch "$target/releases/unfinished/etc/localtime"
        mv -T "$target/releases/unfinished" "$release"
        tidy
    fi
    before=$(readlink "$target/root" 2>/dev/null || echo none)
    # Renamed over the old link: there is always one.
    ln -sfn "releases/$id" "$target/root.new"
    mv -T "$target/root.new" "$target/root"
    unused "$id" "$(basename "$before")" | while IFS= read -r old; do rm -rf "$old"; done
}

remove=no
if [ "${1:-}" = --remove ]; then remove=yes && shift; fi
prefix="${1:-}"
case "$prefix" in
    /*[!A-Za-z0-9/._-]* | / | */ | *..* | *//* | */./* | */.) fail "PREFIX=$prefix cannot be used" \
        "it stands in a unit, and must be a plain absolute path" "make install PREFIX=/opt/slipway" ;;
    /etc | /etc/* | /var/lib/slipway* | /run* | /proc* | /dev* | /sys* | /tmp* | /boot*)
        fail "PREFIX=$prefix cannot be used" "it is for something else, or is gone with the machine's next start" \
            "make install PREFIX=/opt/slipway" ;;
    /*) ;;
    *) fail "PREFIX is no absolute path" "it is '${prefix}'" "make install PREFIX=/opt/slipway" ;;
esac
target="${DESTDIR:-}$prefix"
made=
[ "$(id -u)" = 0 ] || fail "only root may install" "files keep the owners that they have in the image" "run it as root"
if [ -e "$target" ] && [ ! -e "$target/.slipway" ] && [ -n "$(ls -A "$target")" ]; then
    fail "$target is not ours" "it holds files, and no .slipway" "name a new folder"
fi

if [ "$remove" = yes ]; then
    [ -e "$target/.slipway" ] || { say "nothing is in $target"; exit 0; }
    alone
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
alone
unpack
install -m 0755 docker/systemd/slipway "$target/bin/slipway"
folder="${DESTDIR:-}/etc/slipway"
install -d -m 0755 "$folder"
install -d -m 0700 "$folder/secrets"
keep_or_make 0644 "$folder/config.yaml" <docker/systemd/config.yaml
keep_or_make 0600 "$folder/environment" <docker/systemd/environment
printf 'sk-%s' "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" | keep_or_make 0600 "$folder/secrets/LITELLM_MASTER_KEY"
say "next: edit /etc/slipway/config.yaml, and make the unit, as docs/systemd.md says; after an upgrade:" \
    "systemctl restart slipway"
