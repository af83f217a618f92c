#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for SECONDS, starting from the stored corpus.
# New inputs are collected in build/fuzz/; a finding ends the script with libFuzzer's report.
set -euo pipefail

if [[ $# -ne 1 || ! $1 =~ ^[0-9]+$ ]]; then
    echo "usage: bash scripts/fuzz.sh SECONDS" >&2
    exit 2
fi
seconds=$1
cd "$(dirname "$0")/.."

if ! command -v clang++ >/dev/null; then
    echo "fuzz.sh: clang++ is missing: install clang (apt, dnf) or Xcode's LLVM (brew install llvm)" >&2
    exit 1
fi

mkdir -p build/fuzz
cmake -G Ninja -S native -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DPCR_PYTHON=OFF -DPCR_FUZZ=ON -DPCR_SANITIZE=ON >build/fuzz/configure.log
cmake --build build/fuzz

# A record may promise 2 GiB, so a single allocation may exceed the limit of resident memory.
run() {  # target, its corpus
    local found=build/fuzz/found/$1
    mkdir -p "$found"
    echo "== $1: $seconds s"
    "build/fuzz/fuzz/$1_fuzz" "$found" "native/fuzz/corpus/$2" -max_total_time="$seconds" \
        -max_len=4096 -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=4096 -artifact_prefix="$found/" \
        -print_final_stats=1 -verbosity=0
}

run split jpeg
run transcode jpeg
run record record
run decode jpeg
