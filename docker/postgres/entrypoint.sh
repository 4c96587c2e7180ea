#!/bin/sh
# Makes the database at the first start, then runs the server. Arguments that begin with - go to the server; another
# command runs unchanged. Variables: PGDATA, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also as NAME_FILE).
set -eu
umask 077

fail() { printf '%s\n' "postgres: $1" "  why: $2" "  fix: $3" >&2; exit 64; }

# Sets NAME from the file that NAME_FILE names, or to a default: from_file NAME DEFAULT
from_file() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -n "$file" ]; then
        [ -z "$value" ] || fail "$1 and $1_FILE are both set" "only one can count" "unset one of them"
        value=$(cat "$file") || fail "the file of $1_FILE cannot be read" "cat says why above" \
            "mount it, readable by uid $(id -u)"
    fi
    eval "$1=\${value:-\$2}"
}

# A quoted SQL identifier.
identifier() { printf '"%s"' "$(printf '%s' "$1" | sed 's/"/""/g')"; }

# The finished directory appears piece by piece, PG_VERSION last: with it the database is whole, and without it and
# with the folder `unfinished` all there is was left by a start that was interrupted.
initialise() {
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_PASSWORD ''
    [ -n "$POSTGRES_PASSWORD" ] || fail "no password is set" \
        "POSTGRES_PASSWORD is empty, and a database without one is open to its network" \
        "set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE to a file that holds it"
    # Only the first line would be the password.
    [ "$(printf '%s\n' "$POSTGRES_PASSWORD" | wc -l)" = 1 ] || fail "the password cannot be used" \
        "POSTGRES_PASSWORD has more than one line" "set it to one line"

    mkdir -p "$PGDATA" && [ -w "$PGDATA" ] || fail "$PGDATA cannot be written" "it does not belong to uid $(id -u)" \
        "mount a new volume there, or one of this user"
    if [ -d "$PGDATA/unfinished" ]; then
        echo "postgres: an earlier start was interrupted before the database existed; starting over" >&2
        find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
    fi
    [ -z "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found)" ] || fail "$PGDATA is no database" \
        "it holds files but no PG_VERSION" "mount an empty volume, or set PGDATA to the database's own folder"

    echo "postgres: making a new database in $PGDATA" >&2
    new="$PGDATA/unfinished"
    mkdir "$new"
    # Through a pipe: the password is in no file and no argument.
    printf '%s\n' "$POSTGRES_PASSWORD" | initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile=/dev/stdin \
        --auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    printf '%s\n' 'local all all scram-sha-256' 'host all all all scram-sha-256' >"$new/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        echo "CREATE DATABASE $(identifier "$POSTGRES_DB");" | postgres --single -j -D "$new" postgres >/dev/null
    fi
    chmod 0700 "$PGDATA" 2>/dev/null || true # another user's mount point may be good enough already: the server says
    find "$new" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
    sync "$PGDATA"
    mv "$new/PG_VERSION" "$PGDATA/"
    rmdir "$new"
}

# PID 1 ignores what it does not handle; the step that runs is finished first.
trap 'exit 143' TERM INT
if [ "$#" = 0 ] || [ "${1#-}" != "$1" ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi
shift

[ "$(id -u)" != 0 ] || fail "the server does not run as root" "the container runs as uid 0" \
    "run it as 999:999, the image's own user"
[ -e "$PGDATA/PG_VERSION" ] || initialise
rmdir "$PGDATA/unfinished" 2>/dev/null || true
have=$(cat "$PGDATA/PG_VERSION") can=$(postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
[ "$have" = "$can" ] || fail "this database cannot be opened" \
    "version $have of PostgreSQL wrote it, and the image has $can" \
    "use the image of version $have, or move the data with pg_dump"
unset POSTGRES_PASSWORD

# As PID 1, which the pid file then names: a start after a crash never takes another process for that server.
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql "$@"
