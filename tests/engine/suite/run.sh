#!/bin/sh
# Runs the suite, or what its arguments name of it. Standard output gets the report (JUnit's XML) and nothing else.
set -eu

report=$(mktemp)
code=0
python -m pytest -n 2 --dist loadfile -p no:cacheprovider -c tests/engine/suite/pytest.ini --rootdir /suite --junitxml "$report" \
    "${@:-tests/engine/suite}" >&2 || code=$?
cat "$report"
exit "$code"
