"""The examples that ``pcr COMMAND --help`` ends with."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "convert": (
        "pcr convert photos/train dataset",
        "pcr convert photos/train s3://bucket/dataset --ladder standard --num_workers 8",
    ),
    "basic": ("python3 PCR_Converter.py photos/train dataset",),
    "merge": ("pcr merge dataset",),
    "copy": (
        "pcr copy s3://bucket/dataset dataset",
        "pcr copy dataset small_dataset --n_scans 3",
    ),
    "add-column": ("pcr add-column dataset caption captions.csv",),
    "ls": ("pcr ls s3://bucket", "pcr ls dataset --json"),
    "info": ("pcr info dataset", "pcr info https://host/dataset --json"),
    "verify": ("pcr verify dataset", "pcr verify dataset --decode --json"),
    "export": ("pcr export dataset photos",),
    "profile": (
        "pcr profile dataset",
        "pcr profile dataset --sample 500 --threshold 0.98 --out profile",
    ),
    "show": ("pcr show dataset cat/000.jpg",),
    "train": (
        "pcr train --n_scans 3 dataset photos/val",
        "pcr train -a resnet50 --epochs 90 photos/train photos/val",
    ),
    "plot": ("pcr plot run_10_0/train_data_0.csv run_2_0/train_data_0.csv --out plots",),
    "report": ("pcr report dataset -o report.html", "pcr report run_10_0 run_2_0"),
    "shell-completion": (
        "pcr shell-completion bash > ~/.local/share/bash-completion/completions/pcr",
        "pcr shell-completion zsh > ~/.zfunc/_pcr",
    ),
}
