#!/bin/sh
# Installs the Debian packages that building, testing and emulating need, where they are missing.
set -eu

missing=""
for package in libopenblas-dev libpng-dev libturbojpeg0-dev zlib1g-dev qemu-user-static; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: please install:$missing (this machine has no apt-get)" >&2
  exit 1
fi
root=""
[ "$(id -u)" -eq 0 ] || root="sudo"
echo "setup: installing$missing" >&2
$root apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq $missing >/dev/null
