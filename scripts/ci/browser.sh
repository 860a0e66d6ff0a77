#!/usr/bin/env bash
# Find a browser for the tests of the boards, or install Chromium where that is allowed. Without one
# those tests are skipped, and say so.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for program in chromium chromium-browser google-chrome; do
    if command -v "$program" >/dev/null; then
        echo "found $program"
        exit 0
    fi
done
install="apt-get install --yes --no-install-recommends chromium"
if command -v apt-get >/dev/null && [[ "$(id -u)" == 0 ]]; then
    mkdir -p build/logs
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get update && $install; } >build/logs/browser.txt 2>&1; then
        echo "installed chromium"
        exit 0
    fi
fi
echo "no browser: tests in one are skipped; with rights to it: $install"
