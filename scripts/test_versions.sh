#!/usr/bin/env bash
# Tests the package as installed, without PyTorch, with the oldest or the newest dependencies that it admits.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'TEXT'
Usage: bash scripts/test_versions.sh PYTHON lowest-direct|highest [PYTEST ARGUMENTS...]

PYTHON is an interpreter or a version such as 3.13. Needs uv, and what init_repo.sh installs. The
environment and a copy of the committed tests are made in build/versions. PCR_WHEEL=FILE tests a
wheel instead of building one.
TEXT
}

case "${1:-}" in
    -h | --help) usage && exit ;;
esac
[[ $# -ge 2 && $2 =~ ^(lowest-direct|highest)$ ]] || { usage >&2 && exit 2; }
work=$PWD/build/versions
rm -rf "$work"
mkdir -p "$work/tree"
uv venv --quiet --python "$1" "$work/venv"
export VIRTUAL_ENV=$work/venv

# Of the dependencies alone: those of theirs, and the tools of the tests, are as new as these admit.
uv pip compile --quiet --no-deps --no-header --resolution "$2" --output-file "$work/dependencies.txt" \
    --extra convert --extra plots --extra remote --extra tables --extra completion pyproject.toml
cat "$work/dependencies.txt"
uv pip install --quiet --requirement "$work/dependencies.txt" \
    hypothesis 'moto[server]' pytest pytest-xdist scikit-image sqlitedict
uv pip install --quiet --no-deps "${PCR_WHEEL:-.}"

# Without the folder pcr/, so that the installed package is what is imported.
git archive HEAD | tar -x -C "$work/tree"
rm -r "$work/tree/pcr"
cd "$work/tree"
[[ $# -gt 2 ]] || set -- "$@" -m "" -n auto --dist loadfile tests/native tests/dataset tests/loading \
    tests/tabular tests/conversion tests/storage tests/tools
"$VIRTUAL_ENV/bin/python" -m pytest "${@:3}"
