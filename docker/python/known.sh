#!/bin/sh
# Lists the variables, config keys and hosts of the installed LiteLLM.
set -eu

export PYTHONPATH=/mnt PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_MODE=PRODUCTION
packages=$(echo /opt/slipway/venv/lib/python3.*/site-packages)
/opt/slipway/venv/bin/python3 -P -m known "$packages" /opt/slipway/known.json
/opt/slipway/venv/bin/python3 -P -m known.hosts "$packages" /opt/slipway/hosts.json
touch -h -d @0 /opt/slipway/known.json /opt/slipway/hosts.json
