#!/usr/bin/env bash
# Tries a wheel in a system that has Python but no compiler and no libjpeg: install, convert, load a batch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh

usage() {
    cat <<'TEXT'
Usage: bash scripts/test_wheel.sh WHEEL ROOT

WHEEL is of scripts/build_wheels.sh; ROOT is the root folder of a bare system whose Python it is for.
Debian 12, for example:
  debootstrap --variant=minbase --include=python3-venv bookworm ROOT
Run it as root, because of chroot, after the set-up. Only ROOT/tmp/pcr is written to.
TEXT
}

inside() { chroot "$root" /usr/bin/env -i HOME=/tmp/pcr LANG=C.UTF-8 PATH=/tmp/pcr/venv/bin:/usr/bin:/bin "$@"; }

# What would hide that the wheel needs it.
check_bare() {
    ! inside bash -c 'command -v cc gcc clang' || fail "expected a system without a compiler"
    [[ -z $(find "$root"/usr/lib* -name 'libjpeg*' -print -quit) ]] || fail "expected a system without libjpeg"
}

# Puts the wheel, the packages that it and its extra need, and 100 photographs into the system.
prepare() {
    local platforms=() version
    for version in 2_28 2_27 2_17; do
        platforms+=(--platform "manylinux_${version}_$(uname -m)")
    done
    rm -rf "$root/tmp/pcr"
    mkdir -p "$root/tmp/pcr"
    "$PYTHON" -m pip download --quiet --dest "$root/tmp/pcr/packages" --only-binary :all: "${platforms[@]}" \
        --python-version "$(inside python3 -c 'import platform; print(platform.python_version())')" "${wheel}[convert]"
    "$PYTHON" scripts/make_sample_dataset.py "$root/tmp/pcr/photos" --train 100 --val 16
}

try_out() {
    inside bash -euc '
        cd /tmp/pcr
        python3 -m venv venv
        pip install --quiet --no-index --find-links packages "progressive-compressed-records[convert]"
        pcr convert photos/train dataset --quiet
        pcr verify dataset --quiet
        python -c "
import pcr
loader = pcr.Loader(\"dataset\", 64, n_scans=3, transform=pcr.TrainTransform(224), output=\"numpy\")
images, labels = next(iter(loader))
print(images.shape, images.dtype, labels.shape)
"'
}

case "${1:-}" in
    -h | --help) usage && exit ;;
esac
[[ $# == 2 && -f $1 && -x $2/usr/bin/python3 ]] || { usage >&2 && exit 2; }
wheel=$(realpath "$1") root=$(realpath "$2")
select_python
check_bare
prepare
SECONDS=0
try_out
echo "Installed, converted and loaded in $SECONDS s; $(stat --format=%s "$wheel") bytes of wheel," \
    "$(du -sm "$root/tmp/pcr/venv" | cut -f1) MiB of environment"
