#!/bin/sh
# Builds the named targets from locked root file systems; prints progress on stderr only. Targets: full, slim, complete
# (full with LiteLLM's heavy optional packages), builder; beside gateways postgres-17, redis, haproxy and prometheus; for
# tests prisma (the stage with the generated database client), previous and next (full with another line of LiteLLM),
# postgres-15, pgbouncer, registry and systemd.
# Variables: CONTAINER_ENGINE, INDEX_URL (a mirror of PyPI), NPM_REGISTRY, CA_BUNDLE, ENTERPRISE=1 (licensees of
# LiteLLM), TAG, VERSION, NO_CACHE=1, PLATFORM (linux/arm64 on an amd64 machine: emulated, slowly).
set -eu

cd "$(dirname "$0")/.."
engine=$(sh docker/base/engine.sh)
ca="${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}"
tag="${TAG:-dev}"

architecture=""
if [ -n "${PLATFORM:-}" ]; then
    architecture="${PLATFORM#linux/}"
    sh docker/base/emulation.sh "$architecture" >&2
fi

rootfs() { python3 docker/base/rootfs.py "$1" --engine "$engine" ${architecture:+--architecture "$architecture"}; }
# shellcheck disable=SC2086
build() { DOCKER_BUILDKIT=1 $engine build ${PLATFORM:+--platform "$PLATFORM"} "$@" >&2; }

for target in "${@:-full}"; do
    name="slipway:$tag-$target"
    stage="$target"
    # Assignments of their own: a command that fails inside an argument would not stop the script.
    case "$target" in
        full)
            name="slipway:$tag"
            base=$(rootfs full)
            set -- --build-arg BASE_FULL="$base"
            ;;
        complete | previous | next)
            stage=full
            base=$(rootfs full)
            set -- --build-arg BASE_FULL="$base" --build-arg PACKAGES="$target"
            ;;
        slim)
            base=$(rootfs runtime)
            set -- --build-arg BASE="$base" --build-arg FLAVOUR=slim
            ;;
        builder | prisma) set -- ;;
        pgbouncer | haproxy | registry | systemd)
            base=$(rootfs "$target")
            $engine tag "$base" "slipway-$target:latest"
            continue
            ;;
        prometheus | redis)
            name="slipway-$target:latest"
            base=$(rootfs "$target")
            echo "build: $name" >&2
            build --tag "$name" --build-arg BASE="$base" "docker/$target"
            continue
            ;;
        postgres-*)
            name="slipway-postgres:${target#postgres-}${architecture:+-$architecture}"
            base=$(rootfs "$target")
            echo "build: $name" >&2
            build --tag "$name" --build-arg BASE="$base" docker/postgres
            continue
            ;;
        *)
            echo "build.sh: unknown target $target; the targets are named at the top of docker/build.sh" >&2
            exit 64
            ;;
    esac
    tools=$(rootfs tools)
    echo "build: $name" >&2
    set -- "$@" --target "$stage" --tag "$name" --build-arg TOOLS="$tools"
    set -- "$@" --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
    set -- "$@" --build-arg ENTERPRISE="${ENTERPRISE:-0}" --build-arg INDEX_URL="${INDEX_URL:-}"
    set -- "$@" --build-arg NPM_REGISTRY="${NPM_REGISTRY:-}" --build-arg VERSION="${VERSION:-dev}"
    if [ "${NO_CACHE:-0}" = 1 ]; then set -- "$@" --no-cache; fi
    if [ -r "$ca" ]; then set -- "$@" --secret "id=ca,src=$ca"; fi
    build "$@" .
done
