#!/bin/sh
# Prints the command of Docker Compose for an engine's command: its own plugin, or the locked wheel, which is installed
# into .venv-compose. A path in it is relative to this repository. Usage: tool.sh ENGINE
set -eu

cd "$(dirname "$0")/../.."
engine="$1"
folder=.venv-compose
list=requirements/compose.txt

# Unquoted on purpose: the engine's command may hold two words, such as sudo docker.
# shellcheck disable=SC2086
if $engine compose version >/dev/null 2>&1; then
    printf '%s\n' "$engine compose"
    exit 0
fi
case "$engine" in *podman)
    printf '%s\n' "compose: podman has no Compose here" "  why: 'podman compose version' failed" \
        "  fix: install podman-compose or docker-compose, which podman compose calls" >&2
    exit 1
    ;;
esac
if ! cmp -s "$list" "$folder/installed.txt"; then
    sh requirements/venv.sh "$folder" "$list"
    cp "$list" "$folder/installed.txt"
fi
# What comes before the client, such as sudo, comes before Compose too.
case "$engine" in
    *' '*) printf '%s\n' "${engine% *} $folder/bin/docker-compose" ;;
    *) printf '%s\n' "$folder/bin/docker-compose" ;;
esac
