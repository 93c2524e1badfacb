#!/bin/sh
# Runs a known command as it is, and anything else as arguments of node.
set -eu
if ! command -v "${1:-node}" >/dev/null 2>&1; then
    set -- node "$@"
fi
exec "$@"
