#!/usr/bin/env bash
# Compile requirements/*.txt from pyproject.toml, with hashes and without naming a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/pip install --quiet --disable-pip-version-check uv
for one in "runtime --extra postgres" "dev --extra postgres --extra dev"; do
    read -r name extras <<<"$one"
    # shellcheck disable=SC2086
    .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --python-version 3.11 $extras -o "requirements/$name.txt" pyproject.toml
done
