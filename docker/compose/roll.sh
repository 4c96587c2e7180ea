#!/bin/sh
# Restarts the gateways, each with its way out, one after the other, and brings them to what .env, the Compose files and
# the secrets say now: what is new is checked first, and the second one is stopped once the first one is ready.
# `docker compose up` alone would stop both before it starts one. COMPOSE: another command than `docker compose`.
set -eu

cd "$(dirname "$0")"
compose() { ${COMPOSE:-docker compose} "$@"; }
fail() { printf '%s\n' "roll: $2" "  why: $3" "  fix: $4" >&2; exit "$1"; }
healthy() { [ "$(compose ps --format '{{.Health}}' "$1")" = healthy ]; }
# Compose makes what takes a container's place as ID_NAME and renames it in the end. After a kill amid that, `up` alone
# would leave it so.
half_replaced() { compose ps --all --format '{{.Name}}' "$@" | grep -Eq '^[0-9a-f]{12}_'; }

compose config --quiet ||
    fail 1 "nothing was replaced" "the Compose files or .env cannot be used, as said above" "cp .env.example .env, or mend it"
compose run --rm --no-deps --no-TTY gateway-a check --format text --config /app/config/config.yaml || {
    code=$?
    fail "$code" "nothing was replaced" "the check of the new gateway ended with $code; it says why above" \
        "what it names, and run this again"
}
# The one that serves nobody goes first: there is never none that serves.
if healthy gateway-b; then order="a b"; else order="b a"; fi
for letter in $order; do
    # Drained before its way out goes: nobody's connection is cut.
    compose stop "gateway-$letter"
    if half_replaced "egress-$letter" "gateway-$letter"; then
        compose rm --stop --force "egress-$letter" "gateway-$letter"
    fi
    compose up --detach --no-deps --wait "egress-$letter" "gateway-$letter" ||
        fail 1 "gateway-$letter did not become ready; what comes after it goes on as it was" \
            "docker compose logs gateway-$letter" "put the former image or setting back, and run this again"
done
