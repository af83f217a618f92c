#!/usr/bin/env bash
# Installs requirements.txt into the active virtual or conda environment, or into .venv in the
# repository root, which it creates.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/environment.sh

usage() {
    cat <<'TEXT'
Usage: bash install_python_deps.sh [--dev]

Installs requirements.txt (and with --dev requirements-dev.txt) into the active virtual or conda
environment, or into .venv in the repository root. PCR_SYSTEM_PYTHON=1 uses the system's Python,
PCR_PYTHON=/path/to/python3 chooses the interpreter. Safe to run again.
TEXT
}

make_venv() {
    "$REPOSITORY/.venv/bin/python" -m pip --version >/dev/null 2>&1 && return
    local python version
    python=$(find_python)
    version=$(python_version "$python")
    # Debian and Ubuntu ship the venv module without the pip that it installs.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "python$version-venv" ||
            fail "$python can't make virtual environments: install the package python$version-venv" \
                "(apt install python$version-venv), or activate an environment of your own"
    fi
    echo "Making .venv with Python $version"
    "$python" -m venv "$REPOSITORY/.venv"
}

requirements=(requirements.txt)
case "${1:-}" in
    "") ;;
    --dev) requirements+=(requirements-dev.txt) ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac

if uses_own_venv; then
    make_venv
fi
select_python
"$PYTHON" -m pip --version >/dev/null 2>&1 || fail "$PYTHON has no pip: install it (conda install pip, apt install python3-pip)"

if "$PYTHON" scripts/check_requirements.py "${requirements[@]}" >/dev/null; then
    echo "Python packages are up to date (${PYTHON%/bin/*})"
    exit
fi
echo "Installing ${requirements[*]} into ${PYTHON%/bin/*} (about 5 GB the first time, which takes minutes)"
"$PYTHON" -m pip install "${requirements[@]/#/--requirement=}"
