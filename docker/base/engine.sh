#!/bin/sh
# Prints the command of a working container engine; installs and starts one on Debian or Ubuntu as root.
# Only the command goes to stdout, so that a Makefile can read it; everything else goes to stderr.
set -eu

LOG=/var/log/dockerd.log
START_SECONDS=60

say() { printf '%s\n' "engine: $*" >&2; }
fail() { printf '%s\n' "engine: $1" "  why: $2" "  fix: $3" >&2; exit 1; }
# Unquoted on purpose: CONTAINER_ENGINE may hold two words, such as sudo docker.
# shellcheck disable=SC2086
answers() { $1 info >/dev/null 2>&1; }
# Clients from 23 on have no builder of their own; only one that can build knows --secret.
# shellcheck disable=SC2086
builds() { DOCKER_BUILDKIT=1 $1 build --help 2>&1 | grep -q -e --secret; }
choose() { printf '%s\n' "$1"; exit 0; }

# Debian's own client before the others when the first one on PATH cannot build.
clients() { printf '%s\n' docker /usr/bin/docker; }
try_docker() {
  for client in $(clients); do
    command -v "$client" >/dev/null 2>&1 || continue
    if answers "$client" && builds "$client"; then choose "$client"; fi
  done
}

start_dockerd() {
  say "starting the Docker daemon (log: $LOG)"
  left=$START_SECONDS daemon=''
  if [ -d /run/systemd/system ]; then
    systemctl start docker >&2 || true
  else
    # A second daemon ends by itself when one is starting already.
    # Descriptors 3 and 4 are make's job server: a daemon that keeps them open would hang make.
    setsid nohup dockerd </dev/null >>"$LOG" 2>&1 3>&- 4>&- &
    daemon=$!
  fi
  until answers /usr/bin/docker; do
    left=$((left - 1))
    # A daemon that ended will not answer any more, but one that was starting already may.
    if [ -n "$daemon" ] && [ "$left" -gt 10 ] && ! kill -0 "$daemon" 2>/dev/null; then left=10; fi
    if [ "$left" -le 0 ]; then
      tail -n 5 "$LOG" >&2 2>/dev/null || true
      fail "the Docker daemon does not answer" "it ended, or gave no reply within $START_SECONDS s; the end of $LOG is above" \
        "start it by hand (dockerd), or set CONTAINER_ENGINE to an engine that works"
    fi
    sleep 1
  done
}

if [ -n "${CONTAINER_ENGINE:-}" ]; then
  answers "$CONTAINER_ENGINE" || fail "the engine named by CONTAINER_ENGINE does not answer" \
    "its 'info' command failed" "start it, or unset CONTAINER_ENGINE to let this script choose"
  builds "$CONTAINER_ENGINE" || fail "the engine named by CONTAINER_ENGINE cannot build with secrets" \
    "its 'build' command knows no --secret (a Docker client from 23 on needs the buildx plugin)" \
    "install buildx, or unset CONTAINER_ENGINE to let this script choose"
  choose "$CONTAINER_ENGINE"
fi

try_docker
if command -v podman >/dev/null 2>&1 && answers podman; then choose podman; fi

# shellcheck source=/dev/null
id_like=$(. /etc/os-release 2>/dev/null && printf '%s' " ${ID:-} ${ID_LIKE:-} ") || id_like=''
case $id_like in *' debian '* | *' ubuntu '*) ;; *)
  fail "no container engine works here" "neither docker nor podman answers and can build" \
    "install Docker (with buildx) or Podman 4 or newer, start it, and run this again" ;;
esac
[ "$(id -u)" = 0 ] || fail "no container engine works here" \
  "neither docker nor podman answers, and only root may install or start one" \
  "run as root once, or: sudo apt-get install docker.io, and add yourself to the group docker"

if ! [ -x /usr/bin/dockerd ] && ! [ -x /usr/sbin/dockerd ]; then
  say "no engine found: installing docker.io and mmdebstrap"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -q -y docker.io mmdebstrap iptables; } >&2 </dev/null ||
    fail "docker.io could not be installed" "apt-get failed; its message is above" \
      "check the machine's apt sources and network, or install Docker or Podman yourself"
  # Since Debian 13 the client is a package of its own and only suggested; Docker's builder is too.
  for package in docker-cli docker-buildx; do
    apt-cache show "$package" >/dev/null 2>&1 || continue
    apt-get install -q -y "$package" >&2 </dev/null || say "$package could not be installed; going on without it"
  done
fi
start_dockerd
try_docker
fail "the Docker daemon runs, but no docker client here can build" \
  "a client from 23 on needs the buildx plugin" "apt-get install docker-buildx, or set CONTAINER_ENGINE"
