#!/bin/sh
# Brings the gateways to what .env and the Compose files say now, such as another image, one after the other: what is new
# is checked first, and the second one is replaced once the first one is ready. `docker compose up` alone would stop both
# before it starts one. COMPOSE: another command than `docker compose`.
set -eu

cd "$(dirname "$0")"
compose() { ${COMPOSE:-docker compose} "$@"; }

compose run --rm --no-deps --no-TTY gateway-a check --format text --config /app/config/config.yaml || {
    code=$?
    printf '%s\n' "roll: nothing was replaced" "  why: the check of the new gateway ended with $code; it says why above" \
        "  fix: what it names, and run this again" >&2
    exit "$code"
}
for gateway in gateway-a gateway-b; do
    compose up --detach --no-deps --wait "$gateway" || {
        printf '%s\n' "roll: $gateway did not become ready; what comes after it goes on as it was" \
            "  why: docker compose logs $gateway" "  fix: put the former image or setting back, and run this again" >&2
        exit 1
    }
done
