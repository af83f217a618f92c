#!/usr/bin/env python3
"""Images per second of the converter, of jpegtran on all cores, and of the same libjpeg calls in a bare C++ loop.

python3 benchmarks/convert.py [FOLDER] [--rounds 5] [--batch_size 1024] [--restart_rows 0]

FOLDER is an ImageFolder of JPEGs; without it, 1000 images of ImageNet's size and file size are made.
In each round all three run in turn, on the same files in the page cache. The converter is timed as
a user runs it, including process start, checksums and fsync, and for its records phase alone. The
bare loop reads and transcodes, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from images import write_images
from machine import describe

from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.imagefolder import ImageFolder

ROOT = Path(__file__).parent.parent
CORES = len(os.sched_getaffinity(0))
LEAST_RATIOS = {"jpegtran": 1.15, "loop": 0.92}
MOST_BYTES = 0.96  # of the sources'
MOST_MEMORY = 1.5 * 2**30
Cost = tuple[float, float]  # seconds, and seconds of all processors


class Contest:
    """What is compared, on one list of files."""

    def __init__(self, folder: Path, work: Path, batch_size: int, restart_rows: int) -> None:
        source = ImageFolder.scan(folder)
        self.names = [sample.name for sample in source.samples]
        self.paths = [source.path(sample).absolute() for sample in source.samples]
        self.source_bytes = sum(path.stat().st_size for path in self.paths)
        self.folder, self.work = folder, work
        self.flags = ["--batch_size", str(batch_size), "--restart_rows", str(restart_rows)]
        self.out = work / "pcr"
        self.list = work / "files.txt"
        self.list.write_text("".join(f"{path}\n" for path in self.paths))
        self.loop = build_loop()
        self.peak_bytes = 0

    def convert(self) -> dict[str, Cost]:
        """The converter, whole and its records phase."""
        command = [sys.executable, str(ROOT / "PCR_Converter_advanced.py"), str(self.folder)]
        shutil.rmtree(self.out, ignore_errors=True)
        flags = ["--ladder", "standard", *self.flags, "--quiet"]
        cost = measured(lambda: self._run_watched([*command, str(self.out), *flags]))
        timings = json.loads((self.out / layout.TIMINGS_FILE).read_text())
        return {"converter": cost, "its records phase": (timings["seconds"]["records"], np.nan)}

    def _run_watched(self, command: list[str]) -> None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(command)}: failed")
        self.peak_bytes = max(self.peak_bytes, 1024 * usage.ru_maxrss)

    def jpegtran(self) -> dict[str, Cost]:
        """One jpegtran process per file, as many at a time as there are cores."""
        out = self.work / "jpegtran"
        shutil.rmtree(out, ignore_errors=True)
        for name in self.names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
        command = ["jpegtran", "-copy", "none", "-optimize", "-progressive"]
        files = ["-outfile", f"{out}/{{}}", f"{self.folder}/{{}}"]
        parallel = ["xargs", "-0", f"-P{CORES}", "-I{}", *command, *files]
        return {"jpegtran": measured(lambda: run(parallel, "\0".join(self.names)))}

    def bare_loop(self) -> dict[str, Cost]:
        """The same calls, nothing written."""
        command = [str(self.loop), "libjpeg", str(CORES), str(self.list)]
        return {"loop": measured(lambda: run(command))}

    def check(self) -> list[str]:
        """What is wrong with the result."""
        dataset = Dataset(self.out)
        size = sum(path.stat().st_size for path in self.out.glob("PCR*.db"))
        print(
            f"dataset: {len(dataset)} images, {size / self.source_bytes:.4f} of the sources' bytes"
        )
        print(f"peak memory of the converter: {self.peak_bytes / 2**20:.0f} MiB")
        return [
            what
            for what, wrong in (
                ("images are missing", len(dataset) != len(self.paths)),
                (f"more than {MOST_BYTES} of the bytes", size > MOST_BYTES * self.source_bytes),
                ("more than 1.5 GiB of memory", self.peak_bytes > MOST_MEMORY),
            )
            if wrong
        ]


def build_loop() -> Path:
    """Compile the bare loop; its path."""
    build = ROOT / "build" / "benchmarks"
    options = ["-DPCR_BENCHMARKS=ON", "-DPCR_PYTHON=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    run(["cmake", "-S", str(ROOT / "native"), "-B", str(build), *options])
    run(["cmake", "--build", str(build), "--target", "transcode_loop"])
    return build / "transcode_loop"


def run(command: list[str], text: str | None = None) -> None:
    """Run a command that must succeed, quietly."""
    found = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        sys.exit(f"{' '.join(command[:6])} …: {found.stderr or found.stdout}")


def measured(work: Callable[[], None]) -> Cost:
    """Seconds that the work takes, and those of the processors in its child processes."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, used


def compete(contest: Contest, rounds: int) -> pd.DataFrame:
    """Medians of each, and the converter's rate relative to it, round by round."""
    costs: dict[str, list[Cost]] = {}
    for round_number in range(rounds + 1):  # the first one fills the page cache
        for competitor in (contest.convert, contest.jpegtran, contest.bare_loop):
            for name, cost in competitor().items():
                if round_number > 0:
                    costs.setdefault(name, []).append(cost)
    ours = np.array(costs["converter"])
    return pd.DataFrame(
        {
            "what": name,
            "seconds": np.median([seconds for seconds, _ in values]),
            "images_per_s": len(contest.paths) / np.median([seconds for seconds, _ in values]),
            "cpu_seconds": np.median([used for _, used in values]),
            "converter_is": np.median((np.array(values) / ours)[:, 0]),
        }
        for name, values in costs.items()
    )


def main() -> None:
    """Parse, measure, print; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch_size", type=int, default=1024)
    parser.add_argument("--restart_rows", type=int, default=0)
    arguments = parser.parse_args()
    print(describe("numpy", "protobuf", "xxhash"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if arguments.folder is None:
            write_images(work / "images", 1000)
        folder = arguments.folder or work / "images"
        contest = Contest(folder, work, arguments.batch_size, arguments.restart_rows)
        print(
            f"{len(contest.paths)} images, mean {contest.source_bytes / len(contest.paths):,.0f} bytes"
        )
        table = compete(contest, arguments.rounds)
        print(table.to_string(index=False, float_format="{:.3f}".format))
        failures = contest.check()
    ratios = dict(zip(table["what"], table["converter_is"], strict=True))
    failures += [
        f"{ratios[name]:.3f} of {name}'s rate, expected {least}"
        for name, least in LEAST_RATIOS.items()
        if ratios[name] < least
    ]
    sys.exit("; ".join(failures) if failures else 0)


if __name__ == "__main__":
    main()
