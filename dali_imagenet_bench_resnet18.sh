#!/usr/bin/env bash
# Train ResNet18 from a PCR dataset at a fidelity, with the settings of the script that the paper's
# authors released (convert with `--ladder standard`, as they do). Override them in the environment:
#     pcr_traindir=/data/pcr valdir=/data/val bash dali_imagenet_bench_resnet18.sh 10
set -euo pipefail

: "${NUM_GPUS:=1}"                     # processes on this machine, one per GPU
: "${NUM_HOSTS:=1}"                    # machines; for several: dali_imagenet_bench_resnet18_distributed_pcr.sh
: "${HOST_RANK:=0}"                    # of this machine among them, from 0
: "${MASTER_ADDR:=}"                   # of the machine with HOST_RANK 0
: "${MASTER_PORT:=29500}"
: "${pcr_traindir:=my_PCR_trainset}"   # a PCR dataset
: "${valdir:=valset}"                  # an ImageFolder with the same classes
: "${arch:=resnet18}"
: "${batch_size:=128}"                 # images per process
: "${lr:=0.1}"
: "${epochs:=90}"
: "${workers:=4}"                      # decoding threads per process
: "${output_dir:=}"                    # for metrics and checkpoints (default: run_<N_SCANS>_<SEED>)
: "${extra_flags:=}"                   # further flags of dali_main.py, e.g. "--fp16 --lr_schedule paper"

usage() {
    echo "$1" >&2
    echo "usage: bash ${0##*/} N_SCANS [SEED]" >&2
    echo "  with pcr_traindir (now: ${pcr_traindir}) and valdir (now: ${valdir}) from the environment" >&2
    exit 2
}

[[ $# -ge 1 && $# -le 2 ]] || usage "expected a number of scans, auto or a schedule, and optionally a seed"
n_scans=$1
seed=${2:-0}
[[ $n_scans =~ ^(auto|[1-9][0-9]*|[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*)$ ]] ||
    usage "N_SCANS: expected a number from 1, auto, or a schedule such as 0:2,30:5,60:10, found '${n_scans}'"
[[ $seed =~ ^[0-9]+$ ]] || usage "SEED: expected a number from 0, found '${seed}'"
[[ $NUM_GPUS =~ ^[1-9][0-9]*$ ]] || usage "NUM_GPUS: expected a number from 1, found '${NUM_GPUS}'"
[[ $NUM_HOSTS =~ ^[1-9][0-9]*$ ]] || usage "NUM_HOSTS: expected a number from 1, found '${NUM_HOSTS}'"
[[ $NUM_HOSTS == 1 || -n $MASTER_ADDR ]] || usage "MASTER_ADDR: expected the address of the first of ${NUM_HOSTS} hosts"
may_be_there() { [[ $1 == *://* || -d $1 ]]; }
may_be_there "$pcr_traindir" || usage "pcr_traindir: no such directory: ${pcr_traindir}"
may_be_there "$valdir" || usage "valdir: no such directory: ${valdir}"

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${VIRTUAL_ENV:-} && -z ${CONDA_PREFIX:-} && -f ${repository}/.venv/bin/activate ]]; then
    # shellcheck disable=SC1091
    source "${repository}/.venv/bin/activate"
fi

launcher=(python3)
if ((NUM_HOSTS > 1)); then
    launcher=(python3 -m torch.distributed.run --nnodes="$NUM_HOSTS" --node_rank="$HOST_RANK"
        --nproc_per_node="$NUM_GPUS" --master_addr="$MASTER_ADDR" --master_port="$MASTER_PORT")
elif ((NUM_GPUS > 1)); then
    launcher=(python3 -m torch.distributed.run --standalone --nproc_per_node="${NUM_GPUS}")
fi

# shellcheck disable=SC2086  # extra_flags is a list of words
exec "${launcher[@]}" "${repository}/dali_main.py" \
    -a "$arch" -b "$batch_size" --lr "$lr" --epochs "$epochs" -j "$workers" \
    --PCR_train --n_scans "$n_scans" --seed "$seed" ${output_dir:+--output_dir "$output_dir"} \
    $extra_flags "$pcr_traindir" "$valdir"
