#!/usr/bin/env bash
# Installs what is missing of the named sets of Debian packages (deploy/packages.sh).
#
#   deploy/install.sh build test demo
#
# Sets: build, runtime, test, demo, postgres, etcd, images, develop, node. When everything is there
# already nothing is done and no network is touched.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=deploy/packages.sh
source "$here/packages.sh"

readonly policy=/usr/sbin/policy-rc.d
readonly policy_saved=/usr/sbin/policy-rc.d.before-interlock
readonly cluster_policy=/etc/postgresql-common/createcluster.d/interlock.conf
as_root=()
log=''

say() { printf 'install: %s\n' "$*"; }
die() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

readonly sets='build runtime test demo postgres etcd images develop node'

usage() { die "which packages? Name at least one of: $sets."; }

# Prints the packages of set $1, one a line.
packages_of() {
  case "$1" in
    build) printf '%s\n' "${INTERLOCK_BUILD_PACKAGES[@]}" ;;
    runtime) printf '%s\n' "${INTERLOCK_RUNTIME_PACKAGES[@]}" ;;
    test) printf '%s\n' "${INTERLOCK_TEST_PACKAGES[@]}" ;;
    demo) printf '%s\n' "${INTERLOCK_DEMO_PACKAGES[@]}" ;;
    postgres) printf '%s\n' "${INTERLOCK_POSTGRES_PACKAGES[@]}" ;;
    etcd) printf '%s\n' "${INTERLOCK_ETCD_PACKAGES[@]}" ;;
    images) printf '%s\n' "${INTERLOCK_IMAGE_PACKAGES[@]}" ;;
    develop) printf '%s\n' "${INTERLOCK_DEVELOP_PACKAGES[@]}" ;;
    node)
      if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        printf '%s\n' "${INTERLOCK_NODE_PACKAGES[@]}"
      fi
      ;;
    *) die "there is no set '$1'; the sets are: $sets." ;;
  esac
}

# Prints those of the named packages that are not installed, one a line.
missing_of() {
  local installed
  # dpkg-query fails when it has never heard of one of them: then that one is missing.
  installed="$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)"
  printf '%s\n' "$@" | sort -u |
    grep -vxF -f <(sed -n 's/^installed //p' <<<"$installed") || true
}

require_debian_12() {
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    source /etc/os-release
  fi
  if ! command -v apt-get >/dev/null || [[ "$ID $VERSION_ID" != "debian 12" ]]; then
    die "this is $PRETTY_NAME; packages can be installed on Debian 12 only. Missing here: $*."
  fi
}

require_root() {
  [[ "$(id -u)" -eq 0 ]] && return
  command -v sudo >/dev/null || die "installing needs root, and there is no sudo: run this as root."
  as_root=(sudo)
}

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }

# A Debian that is not a container starts every service that it installs; while this answers 101,
# none is started.
forbid_services() {
  # A run that was killed before it could put things back left the machine's own policy here.
  if [[ -e "$policy" && ! -e "$policy_saved" ]]; then
    "${as_root[@]}" cp -a "$policy" "$policy_saved"
  fi
  "${as_root[@]}" rm -f "$policy"
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  # PostgreSQL's package would make a database cluster of its own, for the next start of the machine.
  "${as_root[@]}" mkdir -p "$(dirname "$cluster_policy")"
  printf 'create_main_cluster = false\n' | "${as_root[@]}" tee "$cluster_policy" >/dev/null
}

restore_services() {
  "${as_root[@]}" rm -f "$policy" "$cluster_policy"
  if [[ -e "$policy_saved" ]]; then
    "${as_root[@]}" mv "$policy_saved" "$policy"
  fi
}

# Some packages exclude each other (libboost1.81-dev and libboost1.74-dev): say what goes.
announce_removals() {
  local removed
  removed="$(apt -s install --no-install-recommends "$@" 2>/dev/null |
    awk '/^Remv /{print $2}' | xargs)" || true
  if [[ -n "$removed" ]]; then
    say "apt will remove what excludes the packages above: $removed"
  fi
}

install_packages() {
  log="$(mktemp)"
  trap 'restore_services; rm -f "$log"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  forbid_services
  apt -qq -o DPkg::Lock::Timeout=600 update ||
    say "apt-get update failed; going on with the package lists that are there."
  announce_removals "$@"
  if ! apt -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "apt-get could not install: $*."
  fi
}

main() {
  [[ $# -gt 0 ]] || usage
  local name listed wanted=() missing=()
  for name in "$@"; do
    listed="$(packages_of "$name")"
    [[ -z "$listed" ]] || mapfile -t -O "${#wanted[@]}" wanted <<<"$listed"
  done
  [[ ${#wanted[@]} -gt 0 ]] || return 0
  command -v dpkg-query >/dev/null || require_debian_12 "${wanted[@]}"
  mapfile -t missing < <(missing_of "${wanted[@]}")
  [[ ${#missing[@]} -gt 0 ]] || return 0

  require_debian_12 "${missing[@]}"
  require_root
  say "installing ${missing[*]}"
  # One at a time: the service policy is the machine's, not this process's.
  exec 9</var/lib/dpkg
  flock -w 900 9 || die "another run of this script has been installing for 15 minutes."
  install_packages "${missing[@]}" 9>&-
  say "done"
}

main "$@" </dev/null
