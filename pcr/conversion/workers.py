"""The records phase of a conversion: encode on all cores, write in order, note what is safe."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from pcr.conversion.encode import EncodedSource, encode_source
from pcr.conversion.journal import FinishedRecord, Journal
from pcr.conversion.plan import Plan
from pcr.conversion.record_builder import RecordBuilder
from pcr.progress import progress_bar
from pcr.storage.store import Store

_Encoding = deque[Future[EncodedSource]]


def convert_records(
    plan: Plan, output: Store, finished_records: int, num_workers: int, progress: bool
) -> Generator[FinishedRecord, None, None]:
    """Write the plan's records after the finished ones, in order, each journaled when yielded.

    The native code releases the GIL, so threads use all cores. Close the iterator to stop early.
    """
    journal = Journal.of(plan, output)
    with (
        _Bar(plan, finished_records, progress) as bar,
        ThreadPoolExecutor(
            max(num_workers, plan.source.concurrent_reads), thread_name_prefix="pcr-encode"
        ) as pool,
        ThreadPoolExecutor(1, thread_name_prefix="pcr-write") as writer,
    ):
        writing: deque[Future[FinishedRecord]] = deque()
        try:
            for number, encoding in _encoding(pool, plan, finished_records):
                record = RecordBuilder(plan)
                while encoding:
                    record.add(bar.follow(encoding.popleft()))
                if writing:
                    yield _noted(journal, writing.popleft())
                writing.append(writer.submit(record.write, output, plan.first_record + number))
            while writing:
                yield _noted(journal, writing.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _encoding(pool: ThreadPoolExecutor, plan: Plan, first: int) -> Iterator[tuple[int, _Encoding]]:
    """The records' images being encoded, one record ahead, so that no core waits for a write."""
    encode = partial(encode_source, plan.source, options=plan.options)
    ahead: deque[tuple[int, _Encoding]] = deque()
    for record in range(first, plan.records):
        samples = (plan.samples[i] for i in plan.record_range(record))
        ahead.append((record, deque(pool.submit(encode, sample) for sample in samples)))
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
