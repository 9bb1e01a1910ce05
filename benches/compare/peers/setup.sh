#!/bin/sh
# Makes the Python environments of the peers: setup.sh DIR, then JETGRAD_PEERS=DIR.
# PYTHON: the interpreter to make them with (3.12 or later). The wheels of torch for Linux take some 5 GB.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
for peer in jax torch; do
    "${PYTHON:-python3}" -m venv "$1/$peer"
    "$1/$peer/bin/pip" install --requirement "$here/requirements-$peer.txt"
done
