#!/usr/bin/env bash
# Runs a command, or a shell, in the image with the working folder mounted and all available GPUs.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: bash docker_run.sh [command…]

Runs the command (or a shell) in the image that docker_build.sh made. In the container, the current
folder is /workspace and the project is in /opt/pcr:
  bash docker_run.sh python3 /opt/pcr/PCR_Converter.py images/train pcr/train

`import pcr` imports /opt/pcr, even if the current folder is a checkout. To work on that checkout,
build it once:
  bash docker_run.sh bash init_repo.sh
After that, all containers that run in this folder import the checkout. It is installed into
build/container; delete that folder to go back to /opt/pcr.

  PCR_IMAGE=pcr          the image
  PCR_WORKSPACE=$PWD     the folder to mount on /workspace
  PCR_TENSORBOARD_PORT=6006  the port on this machine for TensorBoard
TEXT
}

# Whether Docker can hand GPUs to a container: a driver, and NVIDIA's container toolkit.
has_gpu() {
    command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1 && command -v nvidia-container-cli >/dev/null
}

case "${1:-}" in
    -h | --help) usage && exit ;;
esac
if ! command -v docker >/dev/null; then
    echo "docker_run.sh: docker is not installed: see https://docs.docker.com/engine/install/" >&2
    exit 1
fi
options=(
    --rm
    --ipc=host # shared memory for DataLoader and NCCL
    --volume "${PCR_WORKSPACE:-$PWD}:/workspace"
    --publish "127.0.0.1:${PCR_TENSORBOARD_PORT:-6006}:6006"
)
if has_gpu; then
    options+=(--gpus all)
else
    echo "docker_run.sh: no GPU that Docker can use (driver and nvidia-container-toolkit), running on the CPU" >&2
fi
if [[ -t 0 && -t 1 ]]; then
    options+=(--interactive --tty)
fi
exec docker run "${options[@]}" "${PCR_IMAGE:-pcr}" "$@"
