#!/bin/sh
# Makes .venv with what requirements.lock pins, and labkit itself from this folder: through uv, else through pip.
set -eu
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$python; break; fi
done
if [ -z "${found:-}" ]; then
    echo "labkit needs Python 3.11 or newer: install it, or name it, as in 'make run PYTHON=/path/to/python3.12'." >&2
    exit 1
fi

echo "Setting up .venv (once; it downloads PyTorch, which can take some minutes) ..."
rm -rf .venv
"$found" -m venv .venv || {
    echo "$found cannot make an environment: install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2
    exit 1
}
if uv --version >/dev/null 2>&1; then
    uv=uv
elif .venv/bin/python -m pip install -q uv 2>/dev/null; then
    uv=.venv/bin/uv
else
    uv=
fi
if [ -n "$uv" ]; then
    # Without bytecode, every import compiles torch anew wherever Python may not write it: 9 s in place of 3.5 s.
    "$uv" pip install -q --compile-bytecode --python .venv/bin/python -r requirements.lock
    "$uv" pip install -q --python .venv/bin/python --no-deps -e .
else
    .venv/bin/python -m pip install -q -r requirements.lock
    .venv/bin/python -m pip install -q --no-deps -e .
fi
touch .venv/installed
