"""One line on what a benchmark ran on: its head line."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from PIL import features


def describe(*packages: str) -> str:
    """Processor, cores, Python, the versions of those packages, and libjpeg where Pillow is one."""
    versions = [f"{package} {version(package)}" for package in packages]
    if "Pillow" in packages:
        versions.append(f"libjpeg-turbo {features.version('libjpeg_turbo')} (Pillow's)")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores; " + ", ".join(
        [f"Python {platform.python_version()}", *versions]
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
