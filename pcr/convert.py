"""Convert an ImageFolder into a PCR dataset: plan, records on all cores, index; stop and go on at any time."""

from __future__ import annotations

import csv
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from pcr import format as layout
from pcr import jpeg
from pcr.encode import EncodedImage, EncodedSource, Encoder, encode_source
from pcr.errors import DatasetError, UsageError
from pcr.format import DatasetInfo, RecordIndex, RecordInfo
from pcr.imagefolder import ImageFolder
from pcr.plan import ConversionOptions, FinishedRecord, Journal, Plan, Problem
from pcr.progress import progress_bar
from pcr.writer import atomic_path, write_index, write_record


@dataclass(frozen=True)
class ConversionSummary:
    """What a conversion did; sizes in bytes. ``level_bytes[k - 1]`` is level k's share of the records."""

    images: int
    records: int
    source_bytes: int
    dataset_bytes: int
    level_bytes: tuple[int, ...]
    problems: tuple[Problem, ...]
    resumed_records: int
    phase_seconds: dict[str, float] = field(default_factory=dict)


def convert(
    source: str | Path,
    output: str | Path,
    options: ConversionOptions,
    *,
    num_workers: int,
    force: bool = False,
    progress: bool = True,
) -> ConversionSummary:
    """Convert the ImageFolder ``source`` into a dataset in directory ``output``.

    Goes on where an earlier run with the same arguments was stopped; ``force`` removes an earlier
    dataset's files first, and no others. Raises PCRError for what the caller can mend; what is finished
    of an interrupted conversion stays, and does not look like a dataset.
    """
    source, output = Path(source), Path(output)
    phases: dict[str, float] = {}
    with _timed(phases, "plan"):
        _check_directories(source, output)
        plan = Plan.make(ImageFolder.scan(source), options)
        plan, finished = _begin(plan, output, force)
    resumed = len(finished)
    with _timed(phases, "records"):
        for record in _convert_records(plan, output, finished, num_workers, progress):
            finished.append(record)
    with _timed(phases, "index"):
        _finish(plan, output, finished)
    return _summary(plan, finished, resumed, phases)


def dataset_files(directory: Path) -> list[Path]:
    """The files in a directory that a conversion owns, the index first."""
    names = (path for path in directory.iterdir() if layout.is_dataset_file(path.name))
    return sorted(names, key=lambda path: (path.name != layout.INDEX_FILE, path.name))


def _check_directories(source: Path, output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise DatasetError(f"{output}: expected an output directory, found a file")
    if output.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{output}: expected an output directory outside the input {source}")


def _begin(plan: Plan, output: Path, force: bool) -> tuple[Plan, list[FinishedRecord]]:
    """Make ready the output directory: empty of a dataset, or with one to go on with."""
    output.mkdir(parents=True, exist_ok=True)
    existing = dataset_files(output)
    journal = Journal(output)
    if existing and not force:
        if existing[0].name == layout.INDEX_FILE:
            raise DatasetError(f"{output}: already holds a dataset: use --force to replace it")
        if not journal.path.exists():
            raise DatasetError(
                f"{output}: holds {existing[0].name} but no index: use --force to replace it"
            )
        return journal.resume(plan)
    for path in existing:
        path.unlink()
    journal.begin(plan)
    return plan, []


def _convert_records(
    plan: Plan,
    output: Path,
    finished: Sequence[FinishedRecord],
    num_workers: int,
    progress: bool,
) -> Iterator[FinishedRecord]:
    """Encode on a pool of threads (the native code releases the GIL), write on another one."""
    journal = Journal(output)
    encode = partial(encode_source, plan.folder.root, options=plan.options)
    with (
        _Bar(plan, len(finished), progress) as bar,
        ThreadPoolExecutor(num_workers, thread_name_prefix="pcr-encode") as pool,
        ThreadPoolExecutor(1, thread_name_prefix="pcr-write") as writer,
    ):
        writing: deque[Future[FinishedRecord]] = deque()
        try:
            for record, futures in _encoding(pool, plan, len(finished), encode):
                encoded = [bar.follow(future) for future in futures]
                if writing:
                    yield _noted(journal, writing.popleft())
                path = output / layout.record_file(record)
                writing.append(writer.submit(_write, path, encoded, plan.options.ladder.levels))
            for future in writing:
                yield _noted(journal, future)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _encoding(
    pool: ThreadPoolExecutor, plan: Plan, first: int, encode: Encoder
) -> Iterator[tuple[int, deque[Future[EncodedSource]]]]:
    """The records' images in work, always one record ahead, so that no core waits for a write."""
    ahead: deque[tuple[int, deque[Future[EncodedSource]]]] = deque()
    for record in range(first, plan.records):
        samples = (plan.samples[i] for i in plan.record_range(record))
        ahead.append((record, deque(pool.submit(encode, sample) for sample in samples)))
        if len(ahead) == 2:
            yield ahead.popleft()
    yield from ahead


def _write(path: Path, encoded: Sequence[EncodedSource], levels: int) -> FinishedRecord:
    images = [source.image for source in encoded if source.image is not None]
    info = RecordInfo(
        np.array([image.sample.label for image in images], dtype=np.int32),
        levels,
        tuple(image.info() for image in images),
    )
    index = write_record(path, info, _scan_groups(images, levels))
    problems = tuple(source.problem for source in encoded if source.problem is not None)
    return FinishedRecord(index, problems)


def _scan_groups(images: Sequence[EncodedImage], levels: int) -> list[bytes]:
    return [jpeg.pack([image.level(k) for image in images]) for k in range(1, levels + 1)]


def _noted(journal: Journal, future: Future[FinishedRecord]) -> FinishedRecord:
    record = future.result()
    journal.add(record)
    return record


def _finish(plan: Plan, output: Path, finished: Sequence[FinishedRecord]) -> None:
    records = [record.index for record in finished]
    images = sum(record.images for record in records)
    if images == 0:
        raise DatasetError(f"{plan.folder.root}: every image was skipped, no dataset was written")
    problems = [problem for record in finished for problem in record.problems]
    if problems:
        _write_report(output / layout.REPORT_FILE, problems)
    write_index(output, dataset_info(plan, records), records)
    Journal(output).path.unlink()


def dataset_info(plan: Plan, records: Sequence[RecordIndex]) -> DatasetInfo:
    """What the index says of the whole dataset."""
    options = plan.options
    return DatasetInfo(
        class_names=plan.folder.class_names,
        images=sum(record.images for record in records),
        records=len(records),
        levels=options.ladder.levels,
        ladder_name=options.ladder.name,
        ladder_text=options.ladder.text,
        batch_size=options.batch_size,
        seed=options.seed,
        copied_markers=options.copy_markers,
    )


def _write_report(path: Path, problems: Sequence[Problem]) -> None:
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(["name", "action", "reason"])
        rows.writerows((p.name, p.action, p.reason) for p in problems)


def _summary(
    plan: Plan, finished: Sequence[FinishedRecord], resumed: int, phases: dict[str, float]
) -> ConversionSummary:
    sizes = np.array([record.index.group_bytes for record in finished], dtype=np.int64)
    return ConversionSummary(
        images=sum(record.index.images for record in finished),
        records=len(finished),
        source_bytes=sum(plan.source_bytes),
        dataset_bytes=sum(record.index.file_bytes for record in finished),
        level_bytes=tuple(sizes.sum(axis=0)[1:].tolist()),
        problems=tuple(problem for record in finished for problem in record.problems),
        resumed_records=resumed,
        phase_seconds=phases,
    )


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    phases[name] = time.perf_counter() - begun


class _Bar:
    """The progress bar: images, their rate and the time left, and the MB read so far."""

    def __init__(self, plan: Plan, finished_records: int, show: bool) -> None:
        starts = (*plan.record_starts, len(plan.samples))
        self._source_bytes = plan.source_bytes
        self._position = starts[finished_records]
        self._bytes = sum(plan.source_bytes[: self._position])
        self._bar = progress_bar(
            total=len(plan.samples),
            initial=self._position,
            unit=" images",
            desc="Converting",
            disable=not show,
        )

    def follow(self, future: Future[EncodedSource]) -> EncodedSource:
        """Wait for one image, the next one in the plan's order, and count it."""
        encoded = future.result()
        self._bytes += self._source_bytes[self._position]
        self._position += 1
        self._bar.set_postfix_str(f"{self._bytes / 1e6:.0f} MB", refresh=False)
        self._bar.update()
        return encoded

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
