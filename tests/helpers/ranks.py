"""The ranks of `pcr train`, each a process of this machine."""

import io
import multiprocessing
import os
import socket
from contextlib import redirect_stderr, redirect_stdout

import torch

from helpers.training_runs import train


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(rank, world_size, port):
    return os.environ | {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
    }  # fmt: skip


def run_process(number, world_size, port, arguments, results, prepare=None):
    """What a process of the fork server does: one rank of the command."""
    os.environ.update(environment(number, world_size, port))
    if prepare:
        prepare(number)
    torch.set_num_threads(1)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = train(*arguments)
    results.put((number, (code, out.getvalue(), err.getvalue())))


def run_all(world_size, *arguments, prepare=None):
    """Exit code, stdout and stderr of the command's ranks, forked from a process that has torch loaded.

    Each of them calls `prepare(rank)` first.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pcr.train.engine"])
    results, port = context.Queue(), free_port()
    processes = [
        context.Process(
            target=run_process,
            args=(rank, world_size, port, [*map(str, arguments)], results, prepare),
            daemon=True,
        )
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    try:
        done = dict(results.get(timeout=100) for _ in processes)
    finally:
        for process in processes:
            process.kill()
    return [done[rank] for rank in range(world_size)]


def run_well(world_size, *arguments):
    """What the main process says; the others say nothing."""
    codes, outs, errs = zip(*run_all(world_size, *arguments), strict=True)
    assert codes == (0,) * world_size, errs
    assert not any(outs[1:])
    return outs[0]
