"""Metrics files as training runs write them."""

from __future__ import annotations

from pathlib import Path

HEADER = "iteration,epoch,type,value\n"
STEPS = 4


def epoch_rows(epoch: int, n_scans: int, **changes: float | str) -> str:
    values: dict[str, float | str] = {
        "test_top_1": 30 + 10 * epoch,
        "test_top_5": 60 + 10 * epoch,
        "avg_train_loss": 2 / (epoch + 1),
        "avg_test_loss": 2.5 / (epoch + 1),
        "avg_train_time": 0.5,
        "images_per_second": 100.0 + n_scans,
        "wait_share": 0.02,
        "bytes_read": n_scans * 1_250_000,
        "n_scans": n_scans,
    }
    steps = "".join(f"{step},{epoch},data_times,0.01\n" for step in range(STEPS))
    rows = "".join(f"0,{epoch},{name},{value}\n" for name, value in (values | changes).items())
    return f"0,{epoch},train_start_time,{1.7e9 + 10 * epoch}\n{steps}{rows}"


def write_run(folder: Path, n_scans: int = 10, epochs: int = 3, rest: str = "") -> Path:
    folder.mkdir(parents=True)
    path = folder / "train_data_0.csv"
    path.write_text(HEADER + "".join(epoch_rows(e, n_scans) for e in range(epochs)) + rest)
    return path
