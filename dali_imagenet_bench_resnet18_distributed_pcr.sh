#!/usr/bin/env bash
# Train ResNet18 from a PCR dataset on several machines: starts dali_imagenet_bench_resnet18.sh on
# each, over ssh. Each setting can be overridden from the environment:
#     hosts="a b" NUM_GPUS=4 pcr_traindir=/data/pcr … \
#         bash dali_imagenet_bench_resnet18_distributed_pcr.sh 10
# The repository, the data and the environment have the same paths on all machines, and ssh must not
# ask for a password.
set -euo pipefail

: "${hosts:=}"                         # machines, the first one is the master: "node3 node7"
: "${host_prefix:=}"                   # or their common prefix: node stands for node0, node1, …
: "${num_hosts:=2}"                    # with host_prefix: how many
: "${first_host:=0}"                   # with host_prefix: the first number
: "${MASTER_ADDR:=}"                   # address at which all reach the first host (default: its name)
: "${MASTER_PORT:=29500}"
: "${conda_env:=}"                     # conda environment to activate on each machine
: "${conda_root:=$HOME/miniconda3}"    # where conda is installed
: "${venv:=}"                          # or a virtual environment (default: .venv of the repository)
: "${PCR_SSH:=ssh -tt -o BatchMode=yes}" # -tt: ends what runs on a machine with its connection

# Environment variables that the script on each machine, and the libraries that it uses, read.
forwarded=(NUM_GPUS pcr_traindir valdir arch batch_size lr epochs workers output_dir extra_flags
    GLOO_SOCKET_IFNAME NCCL_SOCKET_IFNAME NCCL_DEBUG NCCL_IB_DISABLE OMP_NUM_THREADS)

usage() {
    echo "$1" >&2
    echo "usage: hosts=\"HOST HOST…\" bash ${0##*/} N_SCANS [SEED]" >&2
    echo "  or with host_prefix, num_hosts and first_host instead of hosts; further settings: head of this script" >&2
    exit 2
}

[[ $# -ge 1 && $# -le 2 ]] || usage "expected a number of scans, auto or a schedule, and optionally a seed"
[[ -z $hosts || -z $host_prefix ]] || usage "hosts and host_prefix: expected one of them"
[[ -z $conda_env || -z $venv ]] || usage "conda_env and venv: expected one of them"
if [[ -n $host_prefix ]]; then
    [[ $num_hosts =~ ^[1-9][0-9]*$ ]] || usage "num_hosts: expected a number from 1, found '${num_hosts}'"
    [[ $first_host =~ ^[0-9]+$ ]] || usage "first_host: expected a number from 0, found '${first_host}'"
    for ((i = first_host; i < first_host + num_hosts; i++)); do hosts+=" ${host_prefix}${i}"; done
fi
read -ra machines <<<"$hosts"
((${#machines[@]})) || usage "hosts: expected the machines to train on, found none"
[[ $MASTER_PORT =~ ^[0-9]+$ ]] || usage "MASTER_PORT: expected a number, found '${MASTER_PORT}'"

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
settings=(NUM_HOSTS="${#machines[@]}" MASTER_ADDR="${MASTER_ADDR:-${machines[0]}}" MASTER_PORT="$MASTER_PORT")
for name in "${forwarded[@]}"; do
    if [[ -n ${!name:-} ]]; then settings+=("${name}=${!name}"); fi
done

activation=:
if [[ -n $conda_env ]]; then
    activation=$(printf 'source %q && conda activate %q' "${conda_root}/etc/profile.d/conda.sh" "$conda_env")
elif [[ -n $venv ]]; then
    activation=$(printf 'source %q' "${venv}/bin/activate")
fi

command_of() { # HOST_RANK ARGUMENTS… : the line that a machine's shell is given
    local host_rank=$1
    shift
    printf 'cd %q && %s && exec env HOST_RANK=%q' "$repository" "$activation" "$host_rank"
    printf ' %q' "${settings[@]}" bash dali_imagenet_bench_resnet18.sh "$@"
}

processes=()
stop_all() { kill "${processes[@]}" 2>/dev/null || true; }
trap 'stop_all; wait; exit 130' INT TERM

read -ra ssh_command <<<"$PCR_SSH"
for i in "${!machines[@]}"; do
    "${ssh_command[@]}" "${machines[i]}" "bash -c $(printf %q "$(command_of "$i" "$@")")" </dev/null \
        > >(sed -u "s/^/[${machines[i]}] /") 2> >(sed -u "s/^/[${machines[i]}] /" >&2) &
    processes+=($!)
done

# The first failure ends the others.
status=0
for _ in "${processes[@]}"; do
    code=0
    wait -n "${processes[@]}" 2>/dev/null || code=$? # it complains about those already reported
    if ((code && !status)); then
        status=$code
        stop_all
    fi
done
exit "$status"
