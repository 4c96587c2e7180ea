#!/bin/sh
# Takes out of the installed wheels what no running gateway reads. Usage: trim.sh SITE_PACKAGES
set -eu

packages="$1"

# Test suites of libraries; nothing imports them.
find "$packages" -mindepth 2 -depth -type d \( -name tests -o -name test-data \) ! -path '*.dist-info/*' ! -path "$packages/litellm/*" \
    -exec rm -rf {} +
# For type checkers and C compilers.
find "$packages" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' \) -delete

# Symbols of native libraries. Those under the LGPL stay as their authors built them; their licence gate says unmodified.
find "$packages" -type f \( -name '*.so' -o -name '*.so.*' \) ! -path "$packages/psycopg_binary*" ! -path "$packages/_soundfile_data/*" \
    -exec strip --strip-unneeded --preserve-dates {} +
