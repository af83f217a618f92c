#!/usr/bin/env bash
# Builds and runs the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer, then with
# ThreadSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."

# Build folder, CMake option.
build_and_test() {
    cmake -G Ninja -S native -B "$1" -DCMAKE_BUILD_TYPE=Debug -DPCR_PYTHON=OFF -DPCR_NATIVE_TESTS=ON "$2"
    cmake --build "$1"
    ctest --test-dir "$1" --output-on-failure
}

build_and_test build/sanitize -DPCR_SANITIZE=ON
build_and_test build/sanitize-threads -DPCR_SANITIZE_THREADS=ON
