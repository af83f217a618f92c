#!/usr/bin/env bash
# Installs missing system packages, builds the native module and the protobuf code, and installs
# the package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/environment.sh

usage() {
    cat <<'TEXT'
Usage: bash init_repo.sh

Run it after install_python_deps.sh, and again after changes to native/, proto/ or pyproject.toml;
edited Python files need nothing. Afterwards `import pcr` imports this checkout, even if another one
was installed before. Missing system packages are installed with apt if that needs no password;
otherwise their names are printed. Safe to run again.
TEXT
}

# Whether the compiler finds a header, also where conda and Homebrew keep theirs.
has_header() {
    local folder folders=("$HEADERS" /usr/include/eigen3 /usr/local/include)
    [[ -z "${CONDA_PREFIX:-}" ]] || folders+=("$CONDA_PREFIX/include" "$CONDA_PREFIX/include/eigen3")
    ! command -v brew >/dev/null || folders+=("$(brew --prefix)/include" "$(brew --prefix)/include/eigen3")
    local flags=()
    for folder in "${folders[@]}"; do
        flags+=("-I$folder")
    done
    printf '#include <cstdio>\n#include <%s>\n' "$1" |
        "${CXX:-c++}" -std=c++17 -E -x c++ "${flags[@]}" - >/dev/null 2>&1
}

# Appends to APT_NAMES, DNF_NAMES, BREW_NAMES and CONDA_NAMES.
missing() {
    APT_NAMES+=" $1"
    DNF_NAMES+=" $2"
    BREW_NAMES+=" $3"
    CONDA_NAMES+=" $4"
}

find_missing_packages() {
    APT_NAMES='' DNF_NAMES='' BREW_NAMES='' CONDA_NAMES=''
    local version
    version=$(python_version "$PYTHON")
    HEADERS=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    command -v "${CXX:-c++}" >/dev/null || missing g++ gcc-c++ gcc cxx-compiler
    command -v cmake >/dev/null || missing cmake cmake cmake cmake
    command -v ninja >/dev/null || command -v ninja-build >/dev/null || missing ninja-build ninja-build ninja ninja
    has_header jpeglib.h || missing libjpeg-dev libjpeg-turbo-devel jpeg-turbo libjpeg-turbo
    has_header Eigen/Core || missing libeigen3-dev eigen3-devel eigen eigen
    has_header protozero/pbf_reader.hpp || missing libprotozero-dev protozero-devel protozero protozero
    [[ -e "$HEADERS/Python.h" ]] || missing "python$version-dev" "python$version-devel" "python@$version" "python=$version"
}

install_missing_packages() {
    find_missing_packages
    [[ -n "$APT_NAMES" ]] || return 0
    # shellcheck disable=SC2086 # a list of names
    if apt_install $APT_NAMES; then
        find_missing_packages
        [[ -n "$APT_NAMES" ]] || return 0
    fi
    cat >&2 <<TEXT
init_repo.sh: system packages are missing. Install them, then run this script again:
  Debian, Ubuntu:  sudo apt-get install$APT_NAMES
  Fedora, RHEL:    sudo dnf install$DNF_NAMES
  macOS:           brew install$BREW_NAMES
  conda:           conda install -c conda-forge$CONDA_NAMES
TEXT
    exit 1
}

# A digest of all that the build reads, and of the environment it goes into.
build_digest() {
    "$PYTHON" - <<'PY'
import hashlib, importlib.metadata, sys
from pathlib import Path

files = sorted(p for folder in ("native", "proto") for p in Path(folder).rglob("*") if p.is_file())
modules = sorted(map(str, Path("pcr").rglob("*.py")))  # an editable installation knows them by name
digest = hashlib.sha256(f"{sys.prefix} {sys.version} {Path.cwd()} {modules}".encode())
for name in ("grpcio-tools", "pybind11", "scikit-build-core"):
    digest.update(importlib.metadata.version(name).encode())
for path in [*files, Path("pyproject.toml")]:
    digest.update(f"\0{path}\0".encode() + path.read_bytes())
print(digest.hexdigest())
PY
}

# Whether this checkout is what is imported; asked from another folder, which has no pcr/ of its own.
package_works() {
    local imported
    imported=$(cd / && "$PYTHON" -c 'import pcr._native, pcr._generated.pcr_pb2; print(pcr.__file__)') &&
        [[ "$imported" -ef pcr/__init__.py ]]
}

case "${1:-}" in
    "") ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac

select_python
install_missing_packages
unmet=$("$PYTHON" scripts/check_requirements.py requirements.txt) ||
    fail "Python packages are missing, run 'bash install_python_deps.sh' first: ${unmet//$'\n'/; }"

stamp=build/init_repo.digest
digest=$(build_digest)
if [[ -e $stamp && $(<"$stamp") == "$digest" ]] && package_works 2>/dev/null; then
    echo "The package is built and up to date (${PYTHON%/bin/*})"
    exit
fi
echo "Building the native module and the protobuf code"
rm -f "$stamp"
"$PYTHON" -m pip install --no-build-isolation --no-deps --editable .
package_works || fail "the package was built, but 'import pcr' fails or takes another checkout (see above)"
echo "$digest" >"$stamp"
echo "The package is built: 'import pcr' takes $PWD/pcr"
