"""The script that trains on several machines, across hosts made of network namespaces."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.toy_data import make_folder, make_pcr

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "dali_imagenet_bench_resnet18_distributed_pcr.sh"


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


def run(*arguments, **environment):
    """Runs the script in an environment with nothing but these settings."""
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/tmp"} | {k: str(v) for k, v in environment.items()},
        capture_output=True, text=True, timeout=170,
    )  # fmt: skip


@pytest.fixture
def two_hosts(tmp_path):
    """The names of two network namespaces joined by a cable, and a stand-in for ssh between them."""
    name = f"pcr{os.getpid()}"
    hosts = [f"{name}h0", f"{name}h1"]
    try:
        for host in hosts:
            ip("netns", "add", host)
        ip("link", "add", f"{name}a", "netns", hosts[0], "type", "veth", "peer", "name", f"{name}b",
           "netns", hosts[1])  # fmt: skip
        for number, (host, end) in enumerate(zip(hosts, "ab", strict=True), 1):
            ip("-n", host, "address", "add", f"10.77.0.{number}/24", "dev", f"{name}{end}")
            for link in ("lo", f"{name}{end}"):
                ip("-n", host, "link", "set", link, "up")
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or error
        delete(hosts)
        pytest.skip(f"network namespaces can't be made here: {str(reason).strip()}")
    ssh = tmp_path / "fake_ssh"
    interface = f"case $1 in *h0) end=a;; *) end=b;; esac; export GLOO_SOCKET_IFNAME={name}$end"
    ssh.write_text(f'#!/bin/bash\n{interface}\nexec ip netns exec "$1" bash -c "$2"\n')
    ssh.chmod(0o755)
    yield hosts, ssh
    delete(hosts)


def delete(hosts):
    for host in hosts:
        subprocess.run(["ip", "netns", "delete", host], capture_output=True)


@pytest.fixture
def settings(two_hosts, tmp_path):
    hosts, ssh = two_hosts
    make_folder(tmp_path / "train", 3)
    make_folder(tmp_path / "val", 2, seed=1)
    activate = Path(sys.prefix, "bin", "activate")
    venv = {"venv": sys.prefix} if activate.exists() else {}
    return venv | {
        "hosts": " ".join(hosts), "PCR_SSH": ssh, "MASTER_ADDR": "10.77.0.1", "NUM_GPUS": 1,
        "pcr_traindir": make_pcr(tmp_path / "train", tmp_path / "pcr", batch_size=2),
        "valdir": tmp_path / "val", "output_dir": tmp_path / "out", "arch": "shufflenet_v2_x0_5",
        "batch_size": 2, "epochs": 1, "workers": 1, "OMP_NUM_THREADS": 1,
        "extra_flags": "--image_size 40 --device cpu",
    }  # fmt: skip


@pytest.mark.slow
def test_two_hosts_train_together(settings, tmp_path):
    done = run("2", "7", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    first = settings["hosts"].split()[0]
    assert f"[{first}] shufflenet_v2_x0_5 on the CPU, 2 processes" in done.stdout
    assert done.stdout.count("1/1      2 ") == 1
    losses = []
    for rank in (0, 1):
        with (tmp_path / "out" / f"train_data_{rank}.csv").open(newline="") as file:
            losses += [
                row["value"] for row in csv.DictReader(file) if row["type"] == "avg_train_loss"
            ]
    assert len(losses) == 2
    assert losses[0] == losses[1]


def test_a_failing_host_ends_the_others(tmp_path):
    """The first machine would run until it is killed."""
    ssh = tmp_path / "fake_ssh"
    ssh.write_text("#!/bin/bash\ncase $1 in good) exec tail -f /dev/null;; *) exit 3;; esac\n")
    ssh.chmod(0o755)
    done = run("2", PCR_SSH=ssh, hosts="good bad")
    assert done.returncode == 3
    assert "no such job" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "arguments", "expected"),
    [
        ({}, ["10"], "hosts: expected the machines to train on"),
        ({"hosts": "a"}, [], "expected a number of scans"),
        ({"hosts": "a", "host_prefix": "b"}, ["10"], "hosts and host_prefix: expected one"),
        ({"hosts": "a", "venv": "v", "conda_env": "c"}, ["10"], "conda_env and venv: expected one"),
        ({"host_prefix": "b", "num_hosts": "two"}, ["10"], "num_hosts: expected a number"),
    ],
)
def test_usage(settings, arguments, expected):
    done = run(*arguments, **settings)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "usage: hosts=" in done.stderr


def test_what_each_machine_is_told(tmp_path):
    ssh = tmp_path / "fake_ssh"
    ssh.write_text(f'#!/bin/bash\necho "$2" > {tmp_path}/$1\n')
    ssh.chmod(0o755)
    done = run(
        "auto", "3", PCR_SSH=ssh, host_prefix="node", num_hosts=2, first_host=4, NUM_GPUS=8,
        conda_env="my env", conda_root="/opt/conda", extra_flags="--fp16 --compile",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for rank, host in enumerate(("node4", "node5")):
        line = (tmp_path / host).read_text().replace("\\", "")
        assert f"cd {ROOT}" in line
        assert "source /opt/conda/etc/profile.d/conda.sh && conda activate my env" in line
        assert (
            f"HOST_RANK={rank} NUM_HOSTS=2 MASTER_ADDR=node4 MASTER_PORT=29500 NUM_GPUS=8" in line
        )
        assert "extra_flags=--fp16 --compile bash dali_imagenet_bench_resnet18.sh auto 3" in line
