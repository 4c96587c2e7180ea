#!/bin/sh
# Build stage: installs one npm project from its lock, by integrity hash, and runs no script of any package.
# Usage: npm.sh PROJECT FOLDER [build]. The CA bundle of the build host, if given, is used and not kept.
set -eu

if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi
if [ -n "${NPM_REGISTRY:-}" ]; then export npm_config_registry="$NPM_REGISTRY"; fi
export npm_config_cache=/root/.cache/npm npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

cp -r "/mnt/$1/." "$2"
cd "$2"
npm ci --ignore-scripts --loglevel=error
if [ "${3:-}" = build ]; then
    npm run --silent check
    npm run --silent build
fi
