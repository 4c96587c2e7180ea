#!/bin/sh
# Records the import of the proxy with the image's own packages. A fast path that does not fit them stops the build; in
# an image of another line of LiteLLM it is left out. Usage: warm.sh SET, as for install.sh.
set -eu

case "$1" in
    previous | next) set -- /opt/slipway/warm/left-out.json ;;
    *) set -- ;;
esac

export PYTHONPATH=/mnt PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LITELLM_LOCAL_MODEL_COST_MAP=True
/opt/slipway/venv/bin/python3 -P -m slipway.runtime.warmup.record /opt/slipway/warm/store.marshal "$@"
find /opt/slipway/warm -exec touch -h -d @0 {} +
