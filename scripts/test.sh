#!/usr/bin/env bash
# Sets everything up, then runs every check and test; arguments go to pytest instead of "all tests".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh

step() { printf '\n== %s\n' "$*"; }

step "Set-up"
bash install_python_deps.sh --dev
bash init_repo.sh
select_python

step "ruff"
"$PYTHON" -m ruff check .

step "mypy"
"$PYTHON" -m mypy

step "clang-format"
find native \( -name '*.cpp' -o -name '*.hpp' \) -print0 | xargs -0 clang-format --dry-run -Werror

step "The wheel, built as pip does for a user"
export PCR_WHEEL_DIR=$PWD/build/wheel
rm -rf "$PCR_WHEEL_DIR"
"$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$PCR_WHEEL_DIR" .

step "pytest"
if [[ $# == 0 ]]; then
    set -- -m "" # the slow ones too
fi
"$PYTHON" -m pytest "$@"
