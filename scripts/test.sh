#!/usr/bin/env bash
# Sets everything up, then runs every check and test; arguments go to pytest instead of "all tests".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh

step() { printf '\n== %s\n' "$*"; }

# Whether clang++ links libFuzzer, which GCC does not have.
can_fuzz() {
    local source='extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
    clang++ -fsanitize=fuzzer,address -x c++ -o /dev/null - <<<"$source" >/dev/null 2>&1
}

# The version of clang that apt installs; its runtime libraries are a package of that version.
clang_major() {
    apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p'
}

step "Set-up"
bash install_python_deps.sh --dev
bash init_repo.sh
select_python

step "ruff"
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .

step "mypy"
"$PYTHON" -m mypy

step "import-linter"
lint-imports --no-logo

step "clang-format"
find native \( -name '*.[ch]pp' -o -name '*.inl' \) -print0 | xargs -0 clang-format --dry-run -Werror

step "C++ tests, and Python tests of the native module, under sanitizers"
bash scripts/test_native.sh

step "Fuzz targets, ${PCR_FUZZ_SECONDS:=10} s each"
if can_fuzz || { apt_install clang && apt_install "libclang-rt-$(clang_major)-dev" && can_fuzz; }; then
    bash scripts/fuzz.sh "$PCR_FUZZ_SECONDS"
else
    echo "skipped: clang++ with libFuzzer is missing"
fi

step "The wheel, built as pip does for a user"
export PCR_WHEEL_DIR=$PWD/build/wheel
rm -rf "$PCR_WHEEL_DIR"
"$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$PCR_WHEEL_DIR" .

step "pytest"
# The reference for the ladder `standard`; its test is skipped if it cannot be installed.
command -v jpegtran >/dev/null || apt_install libjpeg-turbo-progs || true
# The web server that tests read records from; they are skipped if it cannot be installed.
command -v nginx >/dev/null || apt_install nginx-light || true
# Azure's storage, of which tests make a container; they are skipped if it cannot be installed.
command -v azurite-blob >/dev/null || npm install --global --no-fund --no-audit azurite@3.35 || true
# The browser that tests look at reports with; they are skipped if it cannot be installed.
command -v chromium >/dev/null || apt_install chromium || true
if [[ $# == 0 ]]; then
    set -- -m "" # the slow ones too
fi
"$PYTHON" -m pytest -n auto --dist loadfile "$@"
