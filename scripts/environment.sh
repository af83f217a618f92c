# shellcheck shell=bash
# Sourced by the set-up scripts: which Python environment they use, and how they get system packages.
#
#   PCR_SYSTEM_PYTHON=1   use the system's Python (containers)
#   PCR_PYTHON=python3.12 the interpreter to use, or to make .venv with, instead of python3
#
# Otherwise an active virtual or conda environment is used, or .venv in the repository root.

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MINIMUM_PYTHON=3.11

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

is_recent_python() {
    "$1" -c "import sys; sys.exit(sys.version_info[:2] < (${MINIMUM_PYTHON/./, }))" 2>/dev/null
}

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none
}

# Prints the path of the system's interpreter: PCR_PYTHON, or the first recent one.
find_python() {
    local candidate
    for candidate in ${PCR_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_recent_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    candidate=${PCR_PYTHON:-python3}
    fail "Python $MINIMUM_PYTHON or newer is needed, '$candidate' is version $(python_version "$candidate");" \
        "install a newer one or name it: PCR_PYTHON=/path/to/python3"
}

uses_own_venv() {
    [[ "${PCR_SYSTEM_PYTHON:-0}" != 1 && -z "${VIRTUAL_ENV:-}" && -z "${CONDA_PREFIX:-}" ]]
}

# Sets PYTHON to the environment's interpreter and puts its folder first on PATH.
select_python() {
    if [[ "${PCR_SYSTEM_PYTHON:-0}" == 1 ]]; then
        PYTHON=$(find_python)
        export PIP_BREAK_SYSTEM_PACKAGES=1 # Debian's and Ubuntu's guard (PEP 668); the user asked for it
    else
        PYTHON=${VIRTUAL_ENV:-${CONDA_PREFIX:-$REPOSITORY/.venv}}/bin/python
    fi
    [[ -x "$PYTHON" ]] || fail "no Python environment yet ($PYTHON is missing): run 'bash install_python_deps.sh' first"
    is_recent_python "$PYTHON" ||
        fail "Python $MINIMUM_PYTHON or newer is needed, $PYTHON is version $(python_version "$PYTHON")"
    PATH=$(dirname "$PYTHON"):$PATH
    export PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
}

# Sets APT to a command that can install packages without asking; fails if there is none.
find_apt() {
    command -v apt-get >/dev/null || return 1
    if [[ $(id -u) == 0 ]]; then
        APT=(env DEBIAN_FRONTEND=noninteractive apt-get)
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        APT=(sudo -n env DEBIAN_FRONTEND=noninteractive apt-get)
    else
        return 1
    fi
}

# Installs the named packages; fails if that is not permitted.
apt_install() {
    find_apt || return 1
    echo "Installing system packages: $*"
    "${APT[@]}" update -qq
    "${APT[@]}" install -y -qq --no-install-recommends "$@"
}
