#!/usr/bin/env bash
# Builds the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer, and runs them.
set -euo pipefail

cd "$(dirname "$0")/.."
cmake -G Ninja -S native -B build/sanitize -DCMAKE_BUILD_TYPE=Debug -DPCR_PYTHON=OFF \
    -DPCR_NATIVE_TESTS=ON -DPCR_SANITIZE=ON
cmake --build build/sanitize
ctest --test-dir build/sanitize --output-on-failure
