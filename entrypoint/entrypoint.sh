#!/bin/sh
# The image's entrypoint, under tini: LiteLLM's flags and Slipway's commands go to the launcher, any other command runs
# unchanged. Both ends are an exec, so the process that stays is the one that receives signals.
set -eu

# Files stay writable for gid 0, as an arbitrary uid needs.
umask 0002

case "${1:-serve}" in
    -* | serve | check | migrate | salt | explain | egress | healthcheck | drain | reload | version) exec /opt/slipway/bin/slipway "$@" ;;
esac

# Programs started by hand find the config under the name that LiteLLM itself reads.
if [ -n "${LITELLM_CONFIG:-}" ] && [ -z "${CONFIG_FILE_PATH:-}" ]; then
    export CONFIG_FILE_PATH="$LITELLM_CONFIG"
fi
exec "$@"
