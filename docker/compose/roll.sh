#!/bin/sh
# Brings the gateways to what .env and the Compose files say now, such as another image, one after the other: what is new
# is checked first, and the second one is replaced once the first one is ready. `docker compose up` alone would stop both
# before it starts one. COMPOSE: another command than `docker compose`.
set -eu

cd "$(dirname "$0")"
compose() { ${COMPOSE:-docker compose} "$@"; }
fail() { printf '%s\n' "roll: $2" "  why: $3" "  fix: $4" >&2; exit "$1"; }
healthy() { [ "$(compose ps --format '{{.Health}}' "$1")" = healthy ]; }

compose config --quiet ||
    fail 1 "nothing was replaced" "the Compose files or .env cannot be used, as said above" "cp .env.example .env, or mend it"
compose run --rm --no-deps --no-TTY gateway-a check --format text --config /app/config/config.yaml || {
    code=$?
    fail "$code" "nothing was replaced" "the check of the new gateway ended with $code; it says why above" \
        "what it names, and run this again"
}
# The one that serves nobody goes first: there is never none that serves.
if healthy gateway-b; then order="gateway-a gateway-b"; else order="gateway-b gateway-a"; fi
for gateway in $order; do
    compose up --detach --no-deps --wait "$gateway" ||
        fail 1 "$gateway did not become ready; what comes after it goes on as it was" "docker compose logs $gateway" \
            "put the former image or setting back, and run this again"
done
