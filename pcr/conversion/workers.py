"""The records phase of a conversion: encode on all cores, write in order, note what is safe."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.plan import Plan
from pcr.conversion.record_parts import RecordPart, divide, encode_part, write_record_files
from pcr.progress import progress_bar
from pcr.storage.retries import give_up_when
from pcr.storage.store import Store

_Encoding = deque[tuple[range, Future[RecordPart]]]
"""The parts of a record: the positions of their images in the plan, and what comes of them."""


def convert_records(
    plan: Plan, output: Store, finished_records: int, num_workers: int, progress: bool
) -> Generator[FinishedRecord, None, None]:
    """Write the plan's records after the finished ones, in order, each journaled when yielded.

    The native code releases the GIL, so threads use all cores. Close the iterator to stop early.
    """
    journal = Journal.of(plan, output)
    threads = max(num_workers, plan.source.concurrent_reads)
    stopping = Event()
    with (
        _Bar(plan, finished_records, progress) as bar,
        ThreadPoolExecutor(threads, "pcr-encode", give_up_when, (stopping.is_set,)) as pool,
        ThreadPoolExecutor(1, thread_name_prefix="pcr-write") as writer,
    ):
        writing: deque[Future[FinishedRecord]] = deque()
        try:
            for number, encoding in _encoding(pool, threads, plan, finished_records):
                parts = []
                while encoding:
                    parts.append(bar.follow(*encoding.popleft()))
                if writing:
                    yield _noted(journal, writing.popleft())
                number += plan.first_record
                writing.append(writer.submit(write_record_files, plan, parts, output, number))
            while writing:
                yield _noted(journal, writing.popleft())
        finally:
            stopping.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _encoding(
    pool: ThreadPoolExecutor, threads: int, plan: Plan, first: int
) -> Iterator[tuple[int, _Encoding]]:
    """The records' images being encoded, one record ahead, so that no core waits for a write."""
    ahead: deque[tuple[int, _Encoding]] = deque()
    for record in range(first, plan.records):
        parts = divide(plan, record, threads)
        encoding = deque((part, pool.submit(encode_part, plan, part)) for part in parts)
        ahead.append((record, encoding))
        if len(ahead) == 2:
            yield ahead.popleft()
    yield from ahead


def _noted(journal: Journal, future: Future[FinishedRecord]) -> FinishedRecord:
    record = future.result()
    journal.add(record)
    return record


class _Bar:
    """The progress bar: images, their rate and the time left, and the MB read so far."""

    def __init__(self, plan: Plan, finished_records: int, show: bool) -> None:
        starts = (*plan.record_starts, len(plan.samples))
        self._source_bytes = plan.source_bytes
        finished_images = starts[finished_records]
        self._bytes = sum(plan.source_bytes[:finished_images])
        self._bar = progress_bar(
            total=len(plan.samples),
            initial=finished_images,
            unit=" images",
            desc="Converting",
            disable=not show,
        )

    def follow(self, positions: range, future: Future[RecordPart]) -> RecordPart:
        """Wait for the next part in the plan's order, and count its images."""
        part = future.result()
        self._bytes += sum(self._source_bytes[i] for i in positions)
        self._bar.set_postfix_str(f"{self._bytes / 1e6:.0f} MB", refresh=False)
        self._bar.update(len(positions))
        return part

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
