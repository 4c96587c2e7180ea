#!/bin/sh
# Renews the hash-locked sets of wheels. Images hold what Linux and Python 3.13 need; tools run on any host.
# PATCHES=1 takes patch releases only: 1.2.4 in the place of 1.2.3, and never 1.3.0. LITELLM=1.2.3, or newest, moves to
# that release of LiteLLM, and else what it alone wants changed.
set -eu

cd "$(dirname "$0")"
compile() {
    upgrade=--upgrade
    if [ -n "${LITELLM:-}" ]; then
        uv "$@"
        return
    fi
    if [ "${PATCHES:-0}" = 1 ]; then
        # The lock comes last.
        for lock; do :; done
        sed -nE 's/^([A-Za-z0-9._-]+)==([0-9]+(\.[0-9]+)?).*/\1==\2.*/p' "$lock" >.patches.txt
        upgrade=
        uv --upgrade "$@" -c .patches.txt
    fi
    # What is there already is preferred, unless it is to be upgraded.
    uv ${upgrade:+"$upgrade"} "$@"
}
uv() { ../.venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header "$@"; }
image() { compile --python-version 3.13 --python-platform x86_64-manylinux_2_36 --override overrides.txt "$@"; }

case "${LITELLM:-}" in
    '') set -- ;;
    newest) set -- --upgrade-package litellm ;;
    *) set -- --upgrade-package "litellm==$LITELLM" --prerelease if-necessary-or-explicit ;;
esac
image full.in --override light-overrides.txt "$@" -o full.txt
# Two other lines of LiteLLM, for tests of upgrades: the newest below this minor release, and the newest above this
# release, each whose pinned companions are published. Where there is none above, next stays what it is.
line() { image full.in .line.in --override light-overrides.txt --upgrade-package litellm -o "$1.txt"; }
sed -nE 's/^litellm==([0-9]+\.[0-9]+).*/litellm[proxy]<\1/p' full.txt >.line.in
line previous
sed -n 's/^litellm==\([^ ]*\).*/litellm[proxy]>\1/p' full.txt >.line.in
line next || echo 'lock.sh: no newer LiteLLM resolves' >&2
# The same versions in all images.
image slim.in --override light-overrides.txt --override slim-overrides.txt -c full.txt -o slim.txt
image complete.in -c full.txt -o complete.txt
compile --python-version 3.13 --no-deps enterprise.in -o enterprise.txt
compile --python-version 3.13 --universal build.in -o build.txt
compile --python-version 3.13 --universal tools.in -o tools.txt
compile --python-version 3.13 --universal node.in -o node.txt
# The launcher's own libraries in the versions of the image.
compile --python-version 3.11 --universal -c full.txt dev.in -o dev.txt
image -c full.txt -c dev.txt conformance.in -o conformance.txt
compile --python-version 3.11 --universal compose.in -o compose.txt
compile --python-version 3.11 --no-deps kubernetes.in -o kubernetes.txt

rm -f .patches.txt .line.in
# No release of LiteLLM asks anything of npm.
if [ -n "${LITELLM:-}" ]; then exit 0; fi
# npm's locks hold integrity hashes and no registry's name.
for project in ../docker/prisma/*/package.json; do
    npm update --prefix "$(dirname "$project")" --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
done
