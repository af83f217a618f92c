#!/usr/bin/env bash
# Runs the C++ tests and the Python tests of the native module, with AddressSanitizer and
# UndefinedBehaviorSanitizer, then with ThreadSanitizer. Needs init_repo.sh to have run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh
select_python

# Build folder, CMake option.
build_and_test() {
    cmake -G Ninja -S native -B "$1" -DCMAKE_BUILD_TYPE=Debug -DPCR_NATIVE_TESTS=ON "$2" \
        -DPCR_PYTHON=ON -DPython_EXECUTABLE="$PYTHON" -Dpybind11_DIR="$("$PYTHON" -m pybind11 --cmakedir)"
    cmake --build "$1"
    ctest --test-dir "$1" --output-on-failure
}

# Where the compiler keeps a runtime library.
runtime() {
    "${CXX:-c++}" -print-file-name="$1"
}

# Build folder, libraries to load before Python's, arguments of pytest.
test_python() {
    local module
    module=$(find "$PWD/$1" -maxdepth 1 -name '_native*.so')
    PCR_NATIVE_MODULE=$module PYTHONPATH=$PWD/scripts/sanitized PYTHONMALLOC=malloc LD_PRELOAD=$2 \
        "$PYTHON" -m pytest -p no:cacheprovider "${@:3}"
}

build_and_test build/sanitize -DPCR_SANITIZE=ON
build_and_test build/sanitize-threads -DPCR_SANITIZE_THREADS=ON

# Preloading is for shared runtimes, as GCC links them on Linux. Python itself has leaks.
if [[ ! -e "$(runtime libasan.so)" || ! -e "$(runtime libtsan.so)" ]]; then
    echo "the Python tests under sanitizers: skipped, libasan.so or libtsan.so is missing"
    exit
fi
# libstdc++ too: without it AddressSanitizer doesn't find what it replaces of exceptions.
ASAN_OPTIONS=detect_leaks=0 \
    test_python build/sanitize "$(runtime libasan.so) $(runtime libstdc++.so)" -n auto tests/native tests/test_jpeg.py
# What runs native threads.
test_python build/sanitize-threads "$(runtime libtsan.so)" tests/native/decode/test_batch.py tests/native/record \
    tests/loading/test_loader_batches.py tests/loading/test_loader_errors.py
