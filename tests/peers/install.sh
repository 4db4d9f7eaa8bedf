#!/bin/sh
# Installs what the other servers run on into the folder given: from npm and PyPI, nothing outside that folder, and only
# what is not there yet.
set -eu
folder=$1
mkdir -p "$folder"
failed=0

if [ ! -e "$folder/node_modules/bun" ] || [ ! -e "$folder/node_modules/ws" ]; then
    if command -v npm >/dev/null; then
        npm install --prefix "$folder" --no-audit --no-fund --loglevel=error ws@8.23.0 bun@1.4.5 >&2 || failed=1
    else
        echo "npm is not on this machine" >&2
        failed=1
    fi
fi

if [ ! -e "$folder/python" ]; then
    if python3 -m venv "$folder/python" &&
        "$folder/python/bin/pip" install --quiet --disable-pip-version-check \
            flask==3.1.3 flask-socketio==5.7.0 simple-websocket==1.1.0 >&2; then
        :
    else
        rm -rf "$folder/python"
        failed=1
    fi
fi
exit $failed
