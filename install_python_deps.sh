#!/usr/bin/env bash
# Installs requirements.txt, and requirements-gpu.txt where there is an NVIDIA GPU, into the active
# virtual or conda environment, or into .venv in the repository root, which it creates.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/environment.sh

usage() {
    cat <<'TEXT'
Usage: bash install_python_deps.sh [--dev]

Installs requirements.txt (and with --dev requirements-dev.txt) into the active virtual or conda
environment, or into .venv in the repository root. Where an NVIDIA driver is loaded, also
requirements-gpu.txt; elsewhere PyTorch comes without CUDA, which saves gigabytes. Safe to run again.
Environment variables:
  PCR_CPU=1             no CUDA even if there is a driver; PCR_CPU=0: CUDA even if there is none
  PCR_SYSTEM_PYTHON=1   uses the system's Python
  PCR_PYTHON=/path/to/python3   chooses the interpreter
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

# Whether to do without CUDA: as PCR_CPU says, else where no NVIDIA driver is loaded.
for_cpu() {
    [[ -n "${PCR_CPU:-}" ]] && return $((PCR_CPU != 1))
    [[ ! -e /proc/driver/nvidia/version ]] && ! command -v nvidia-smi >/dev/null
}

# PyPI's PyTorch for Linux brings CUDA; the same without it is in PyTorch's own index. No other index
# may mix in, from pip's configuration say: PyPI's torchvision does not fit PyTorch without CUDA.
install_cpu_torch() {
    [[ $(uname -s) == Linux ]] || return 0
    local torch=build/requirements-torch.txt
    mkdir -p build
    grep '^torch' requirements.txt >"$torch"
    ! "$PYTHON" scripts/check_requirements.py "$torch" >/dev/null || return 0
    PIP_CONFIG_FILE=/dev/null PIP_EXTRA_INDEX_URL='' PIP_FIND_LINKS='' \
        "$PYTHON" -m pip install --retries 1 --index-url "$TORCH_INDEX" --requirement "$torch" ||
        echo "PyTorch without CUDA can't be had from $TORCH_INDEX: PyPI's comes with it" >&2
}

TORCH_INDEX=https://download.pytorch.org/whl/cpu
requirements=(requirements.txt) tools=''
case "${1:-}" in
    "") ;;
    --dev) requirements+=(requirements-dev.txt) tools=", and 0.7 GB of the tests' tools" ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac

size="about 5 GB"
if for_cpu; then
    size="about 0.4 GB"
else
    requirements+=(requirements-gpu.txt)
fi
if uses_own_venv; then
    make_venv
fi
select_python
"$PYTHON" -m pip --version >/dev/null 2>&1 || fail "$PYTHON has no pip: install it (conda install pip, apt install python3-pip)"

if "$PYTHON" scripts/check_requirements.py "${requirements[@]}" >/dev/null; then
    echo "Python packages are up to date (${PYTHON%/bin/*})"
    exit
fi
echo "Installing ${requirements[*]} into ${PYTHON%/bin/*} ($size$tools the first time, which takes minutes)"
if for_cpu; then
    install_cpu_torch
fi
"$PYTHON" -m pip install "${requirements[@]/#/--requirement=}"
