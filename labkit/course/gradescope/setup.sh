#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python, bubblewrap, and labkit in an environment of its own.
set -euo pipefail
here=/autograder/source
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends bubblewrap util-linux
for version in 3.13 3.12 3.11; do
    if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
        python=python$version
        break
    fi
done
if [ -z "${python:-}" ]; then
    echo "No Python from 3.11 to 3.13 can be installed here: choose a newer base image for the autograder." >&2
    exit 1
fi
"$python" -m venv /autograder/labkit
wheel=$(echo "$here"/labkit-*.whl)
/autograder/labkit/bin/pip install --no-cache-dir "${wheel}[grade]"
# Solutions and judges are for root alone: the submission's code belongs to another user.
chmod -R go= "$here" /autograder/labkit/lib/python*/site-packages/labkit
