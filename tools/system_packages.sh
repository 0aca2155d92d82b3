#!/usr/bin/env bash
# Bring what the tests need beside Python: Pango for PDF, fonts, Poppler to look into a PDF, Chromium to look at pages,
# CalculiX (only run, never linked) to solve a voxel model by another way, npm to build the report's viewer.
# On Debian as root they are installed; elsewhere this says what is missing and goes on.
set -euo pipefail

packages=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core fonts-noto-core poppler-utils chromium)
packages+=(calculix-ccx)
command -v npm >/dev/null || packages+=(nodejs npm)

is_debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

is_installed() { dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

if ! is_debian; then
  for program in pdftotext chromium ccx npm; do
    command -v "$program" >/dev/null || echo "missing: $program; tests that need it are skipped"
  done
  echo "not Debian: bring Pango, DejaVu fonts, Poppler, Chromium and CalculiX by your system's own means"
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
elif [ "$(id -u)" -ne 0 ]; then
  echo "missing: ${missing[*]}; tests that need them are skipped; as root: apt-get install ${missing[*]}"
else
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
