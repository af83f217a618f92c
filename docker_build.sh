#!/usr/bin/env bash
# Builds the image: CUDA, PyTorch and this project, for a user with the caller's ids.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
Usage: bash docker_build.sh [docker build options]

Builds the image "pcr" (PCR_IMAGE names another) from the Dockerfile; another base image:
  bash docker_build.sh --build-arg BASE=pytorch/pytorch:TAG
TEXT
}

case "${1:-}" in
    -h | --help) usage && exit ;;
esac
if ! command -v docker >/dev/null; then
    echo "docker_build.sh: docker is not installed: see https://docs.docker.com/engine/install/" >&2
    exit 1
fi
# Root's files stay root's outside; inside, the user is never root.
ids=(--build-arg USER_ID="$(id -u)" --build-arg GROUP_ID="$(id -g)")
if [[ $(id -u) == 0 ]]; then
    ids=(--build-arg USER_ID=1000 --build-arg GROUP_ID=1000)
fi
exec docker build --tag "${PCR_IMAGE:-pcr}" "${ids[@]}" "$@" .
