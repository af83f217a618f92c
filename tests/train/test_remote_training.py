"""Training on datasets that a server has: the batches of local ones, what they took, its faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.fault_proxy import fault_proxy
from helpers.ranks import run_well
from helpers.servers import BUCKET, WebServer
from helpers.toy_data import TRAIN_IMAGES, make_pcr
from helpers.training_runs import ALONE, SMALL, config, refusal, train, values

from pcr.dataset.reader import Dataset
from pcr.train.data import train_batches, validation_batches

pytestmark = pytest.mark.usefixtures("one_thread")

LEARNED = ("avg_train_loss", "avg_test_loss", "test_top_1")
FAULTS = ("503", "cut", "flip", "drop", "short")


@pytest.fixture(scope="module")
def served(web: tuple[WebServer, Path], data: Path) -> tuple[WebServer, Path]:
    """A server that has the datasets `train` and `val`, and the folder that they lie in."""
    for name in ("train", "val"):
        make_pcr(data / name, web[1] / "toys" / name, batch_size=2)
    return web[0], web[1] / "toys"


@pytest.fixture(scope="module")
def local_run(served: tuple[WebServer, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run on the same datasets in their directory."""
    output = tmp_path_factory.mktemp("local")
    assert train(*run_on(str(served[1]), output)) == 0
    return output


def run_on(place: str, output: Path) -> list[object]:
    """The arguments of a run of two epochs on `train` and `val` at a place."""
    flags = ["--loader", "native", "--epochs", "2", "--lr", "0.02"]
    return [*SMALL, *flags, "--output_dir", output, place]


def learned(output: Path) -> list[list[float]]:
    return [values(output, kind) for kind in LEARNED]


def records(folder: Path) -> int:
    return len(Dataset(folder / "train").records)


@pytest.mark.parametrize("loader", ["native", "dali"])
@pytest.mark.parametrize("batches", [train_batches, validation_batches])
def test_batches_from_a_url_are_those_of_the_directory(
    served: tuple[WebServer, Path], batches: Callable, loader: str
) -> None:
    server, folder = served
    epochs = []
    for place in (str(folder), f"{server.url}/toys"):
        places = {"train_dir": f"{place}/train", "val_dir": f"{place}/val"}
        source = batches(config(folder, pcr_train=False, loader=loader, **places), ALONE)
        epochs.append([torch.cat(parts) for parts in zip(*source, strict=True)])
        source.close()
    (images, labels), (same_images, same_labels) = epochs
    assert torch.equal(images, same_images) and torch.equal(labels, same_labels)
    assert len(images) == source.source.total_images


def test_faults_cost_requests_and_nothing_else(
    served: tuple[WebServer, Path], local_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """One request in twenty fails, each in another way."""
    faults = {20 * i + 5: fault for i, fault in enumerate(FAULTS)}
    with fault_proxy(served[0].url, faults.get) as proxy:
        capsys.readouterr()
        assert train(*run_on(f"{proxy.url}/toys", tmp_path)) == 0
        assert len(proxy.faults()) >= 2
    assert learned(tmp_path) == learned(local_run)
    requests, retries = values(tmp_path, "requests"), values(tmp_path, "retries")
    assert [n - again for n, again in zip(requests, retries, strict=True)] == 2 * [
        records(served[1])
    ]
    assert 1 <= sum(retries) <= len(proxy.faults())  # those of validation don't count
    assert values(tmp_path, "bytes_read") == values(local_run, "bytes_read")
    assert all(seconds > 0 for seconds in values(tmp_path, "read_wait_seconds"))
    lines = [line for line in capsys.readouterr().out.splitlines() if "requests " in line]
    assert f"requests {requests[0]:.0f}, retries {retries[0]:.0f}, waited " in lines[0]
    assert len(lines) == 2 and all(len(line) <= 80 for line in lines)
    assert values(local_run, "requests") == [0, 0]


def test_a_run_whose_server_dies_is_resumed(
    served: tuple[WebServer, Path], local_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """In the second epoch: two indexes, and the records of an epoch and its validation precede."""
    before = 2 + records(served[1]) + len(Dataset(served[1] / "val").records)
    with fault_proxy(served[0].url, lambda n: "drop" if n > before + 3 else None) as proxy:
        run = run_on(f"{proxy.url}/toys", tmp_path)
        line = refusal(capsys, 1, *run)
        assert line.startswith(f"error: {proxy.url}/toys/train/PCR_")
        assert "tried 5 times" in line and line.endswith("continue with --resume auto")
        assert values(tmp_path, "avg_train_loss") == values(local_run, "avg_train_loss")[:1]
        proxy.choose = lambda _: None
        assert train(*run, "--resume", "auto") == 0
    assert learned(tmp_path) == learned(local_run)


def test_a_choice_of_levels_fetches_no_index(
    served: tuple[WebServer, Path], tmp_path: Path
) -> None:
    served[0].served()
    auto = ["--n_scans", "auto", "--autotune-start", "0", "--autotune-freq", "1"]
    assert train(*run_on(f"{served[0].url}/toys", tmp_path), *auto, "--autotune-batches", "1") == 0
    asked = [one.path for one in served[0].served()]
    assert asked.count("/toys/train/PCR.db") == 1
    assert len(values(tmp_path, "autotune_bytes_read")) == 2


def test_an_epoch_from_the_cache_asks_for_nothing(
    served: tuple[WebServer, Path], local_run: Path, tmp_path: Path
) -> None:
    cache = ["--cache", tmp_path / "cache", "--cache_limit", "10MB", "--concurrent_reads", "2"]
    assert train(*cache, *run_on(f"{served[0].url}/toys", tmp_path / "run")) == 0
    assert values(tmp_path / "run", "requests") == [records(served[1]), 0]
    assert learned(tmp_path / "run") == learned(local_run)


def test_two_processes_count_what_both_ask_for(
    served: tuple[WebServer, Path], tmp_path: Path
) -> None:
    server, folder = served
    server.served()
    out = run_well(2, *run_on(f"{server.url}/toys", tmp_path))
    asked = [one.path for one in server.served() if one.path.startswith("/toys/train/PCR_")]
    both = [values(tmp_path, "requests", rank) for rank in (0, 1)]
    assert both[0] == both[1]
    assert sum(both[0]) == len(asked) >= 2 * records(folder)
    assert out.count("retries 0") == 2
    images = zip(
        values(tmp_path, "images_per_second"), values(tmp_path, "avg_train_time"), strict=True
    )
    assert [round(rate * seconds * 2) for rate, seconds in images] == [TRAIN_IMAGES] * 2


def test_a_file_url_is_its_directory(data: Path) -> None:
    places = {"train_dir": (data / "pcr").as_uri(), "val_dir": (data / "val").as_uri()}
    settings = config(data, pcr_train=False, **places)
    assert train_batches(settings, ALONE).source.levels == 10
    assert validation_batches(settings, ALONE).source.levels is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://no-such-bucket/toys", "s3://no-such-bucket/toys/train: there is no such bucket"),
        (f"s3://{BUCKET}/nothing", f"s3://{BUCKET}/nothing/train: expected a PCR dataset, found"),
    ],
)
@pytest.mark.usefixtures("s3_environment")
def test_a_url_with_nothing_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, url: str, expected: str
) -> None:
    assert expected in refusal(capsys, 1, *run_on(url, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_mangled_url_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    line = refusal(capsys, 2, *run_on("s3:/bucket/toys", tmp_path))
    assert "s3:/bucket/toys/train: expected s3:// with two slashes" in line


def test_a_cache_without_urls_is_warned_of(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    cache = ["--cache", tmp_path / "cache", "--cache_limit", "1MB", "--prof"]
    assert train(*SMALL, *cache, data / "pcr", data / "val") == 0
    assert "warning: --cache has no effect without a URL" in capsys.readouterr().err


def test_a_password_in_a_url_is_not_kept() -> None:
    settings = config(Path(), train_dir="https://me:secret@host/toys/train", val_dir="val")
    assert "secret" not in str(settings.as_dict())
