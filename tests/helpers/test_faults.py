"""The helper that makes calls fail really does."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from helpers.faults import Faults

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preloads a library")

SCRIPT = """
    import errno, os, shutil, sqlite3, sys, threading
    from pathlib import Path
    from helpers.faults import Faults

    folder, faults = Path(sys.argv[1]), Faults.here()
    old, new = folder / "old", folder / "new"

    def database():
        connection = sqlite3.connect(folder / "database")
        connection.execute("create table if not exists t (x)")
        connection.commit()

    acts = {
        "write": lambda: new.write_bytes(b"1234"),
        "fsync": lambda: os.fsync(os.open(old, os.O_RDWR)),
        "rename": lambda: old.rename(new),
        "unlink": lambda: old.unlink(),
        "read": lambda: old.read_bytes(),
        "create": lambda: new.write_bytes(b""),
        "truncate": lambda: os.truncate(os.open(old, os.O_RDWR), 1),
        "open": lambda: os.listdir(folder) and os.close(os.open(old, os.O_RDONLY)),
        "mkdir": lambda: new.mkdir(),
    }
    for call, act in acts.items():
        old.write_bytes(b"1234")
        with faults.failing(call, 1, under=folder / "elsewhere"):
            act()
        shutil.rmtree(new) if new.is_dir() else new.unlink(missing_ok=True)
        old.write_bytes(b"1234")
        try:
            with faults.failing(call, 1, under=folder, error=errno.EDQUOT) as fault:
                act()
        except OSError as error:
            assert error.errno == errno.EDQUOT
        assert fault.happened, call

    with faults.failing("write", 2, under=folder, error=errno.ENOSPC, times=0, torn=True) as fault:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        assert [os.write(descriptor, b"1234"), os.write(descriptor, b"5678")] == [4, 2]
        for _ in range(2):
            try:
                os.write(descriptor, b"78")
            except OSError as error:
                assert error.errno == errno.ENOSPC
            else:
                raise AssertionError
    assert (new.read_bytes(), fault.calls) == (b"123456", 4)

    try:
        with faults.failing("write", 1, under=folder) as fault:
            shutil.copyfile(old, new)
    except OSError:
        pass
    assert fault.happened
    try:
        with faults.failing("write", 1, under=folder) as fault:
            database()
    except sqlite3.OperationalError:
        pass
    assert fault.happened
    with faults.failing("write", 0, under=folder) as fault:
        database()
    assert fault.calls > 1 and not fault.happened
    for call, act, expected in (
        ("thread", lambda: threading.Thread(target=print).start(), RuntimeError),
        ("allocate", lambda: bytes(65536), MemoryError),
    ):
        try:
            with faults.failing(call, 1, under=folder, error=errno.EAGAIN) as fault:
                act()
        except expected:
            assert fault.happened
        else:
            raise AssertionError(call)
    print("done")
"""


def test_every_kind_of_call_fails_once_and_only_below_the_folder(tmp_path):
    faults = Faults.build(tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {**faults.environment, "PYTHONPATH": str(Path(__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), folder],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
