#!/bin/sh
# Prints the path of a Chromium; installs the distribution's package as root on Debian or Ubuntu.
# Only the path goes to stdout; everything else goes to stderr.
set -eu

say() { printf '%s\n' "chromium: $*" >&2; }
fail() { printf '%s\n' "chromium: $1" "  why: $2" "  fix: $3" >&2; exit 1; }
answers() { "$1" --version >/dev/null 2>&1; }
look() {
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    # Ubuntu's chromium-browser may be a stub that only says where the real one is.
    if path=$(command -v "$name") && answers "$path"; then printf '%s\n' "$path"; exit 0; fi
  done
}

if [ -n "${CHROMIUM:-}" ]; then
  if path=$(command -v "$CHROMIUM") && answers "$path"; then printf '%s\n' "$path"; exit 0; fi
  fail "the browser named by CHROMIUM does not start" "its '--version' failed, or there is no such file" \
    "name a Chromium that works, or unset CHROMIUM to let this script choose"
fi

look
# shellcheck source=/dev/null
id_like=$(. /etc/os-release 2>/dev/null && printf '%s' " ${ID:-} ${ID_LIKE:-} ") || id_like=''
case $id_like in *' debian '* | *' ubuntu '*) ;; *)
  fail "there is no Chromium here" "the tests of the admin UI drive one" \
    "install Chromium or Google Chrome, or name one: CHROMIUM=PATH" ;;
esac
[ "$(id -u)" = 0 ] || fail "there is no Chromium here" \
  "the tests of the admin UI drive one, and only root may install it" \
  "sudo apt-get install chromium, or name one: CHROMIUM=PATH"

say "none found: installing the package chromium"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } >&2 </dev/null ||
  fail "chromium could not be installed" "apt-get failed; its message is above" \
    "check the machine's apt sources and network (Ubuntu has a snap only), or name a browser: CHROMIUM=PATH"
look
fail "the package chromium is installed, but does not start" "its '--version' failed" \
  "see what chromium --version says, or name a browser: CHROMIUM=PATH"
