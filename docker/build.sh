#!/bin/sh
# Builds the named targets (full, slim, builder) from the locked base; prints progress on stderr only.
# Variables: CONTAINER_ENGINE, INDEX_URL (a mirror of PyPI), CA_BUNDLE, ENTERPRISE=1 (licensees of LiteLLM), TAG.
set -eu

cd "$(dirname "$0")/.."
engine=$(sh docker/base/engine.sh)
base=$(python3 docker/base/rootfs.py runtime --engine "$engine")
tools=$(python3 docker/base/rootfs.py tools --engine "$engine")
ca="${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}"
tag="${TAG:-dev}"

for target in "${@:-full}"; do
    case "$target" in
        full) name="slipway:$tag" ;;
        slim | builder) name="slipway:$tag-$target" ;;
        *) echo "build.sh: unknown target $target; use full, slim or builder" >&2 && exit 64 ;;
    esac
    echo "build: $name" >&2
    set -- --target "$target" --tag "$name" --build-arg BASE="$base" --build-arg TOOLS="$tools"
    set -- "$@" --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
    set -- "$@" --build-arg ENTERPRISE="${ENTERPRISE:-0}" --build-arg INDEX_URL="${INDEX_URL:-}"
    if [ -r "$ca" ]; then set -- "$@" --secret "id=ca,src=$ca"; fi
    # shellcheck disable=SC2086
    DOCKER_BUILDKIT=1 $engine build "$@" . >&2
done
