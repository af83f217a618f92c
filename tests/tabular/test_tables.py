"""Tables of CSV, JSON lines and Parquet: the same values from each, and what is refused."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr.dataset.column_types import ColumnType
from pcr.errors import DatasetError, FormatError, StorageError, UsageError
from pcr.tabular.parquet import load_pyarrow
from pcr.tabular.table_files import read_table


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def pyarrow_or_skip() -> Any:
    pytest.importorskip("pyarrow.parquet", reason="of the extra 'tables'")
    return load_pyarrow()


def test_csv(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        '\ufefffile_name,n,x,caption\na.jpg,1,1,"two\nlines"\n\nb.jpg,2,.5,"""é"""\n',
    )
    table = read_table(path)
    assert table.rows == 2
    assert table.column("n") == (ColumnType("int64"), [1, 2])
    assert table.column("x") == (ColumnType("float64"), [1.0, 0.5])
    assert table.column("caption") == (ColumnType("str"), ["two\nlines", '"é"'])
    assert table.column("n", ColumnType("str")) == (ColumnType("str"), ["1", "2"])
    assert table.column("n", ColumnType("float32"))[1] == [1.0, 2.0]


def test_texts_of_a_csv_file_become_what_was_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'boxes,flag,raw\n"[[1,2,3,4]]",true,AAE=\n[],0,\n')
    table = read_table(path)
    assert table.column("boxes", ColumnType.parse("float32[?,4]"))[1] == [[[1, 2, 3, 4]], []]
    assert table.column("flag", ColumnType("bool"))[1] == [True, False]
    assert table.column("raw", ColumnType("bytes"))[1] == [b"\0\1", b""]


def test_json_lines(tmp_path: Path) -> None:
    rows = [
        {"file_name": "a.jpg", "boxes": [[1, 2, 3, 4]], "n": 1},
        {"file_name": "b.jpg", "boxes": []},
    ]
    table = read_table(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n"))
    assert table.column("boxes") == (ColumnType.parse("int64[?,4]"), [[[1, 2, 3, 4]], []])
    assert table.column("n") == (ColumnType("json"), [1, None])


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pyarrow_or_skip()
    half = pyarrow.array(np.array([1, 2], np.float16))
    columns: dict[str, Any] = {
        "n": pyarrow.array([1, 2], pyarrow.int16()),
        "half": half,
        "flag": [True, False],
        "text": ["a", "é"],
        "raw": [b"\0", b""],
        "boxes": pyarrow.array([[[1, 2]], []], pyarrow.list_(pyarrow.list_(pyarrow.float32(), 2))),
        "holes": [1, None],
        "day": pyarrow.array([0, 1], pyarrow.date32()),
        "nested": [{"a": 1}, {"a": 2}],
        "__index_level_0__": [0, 1],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    found = {
        name: (str(type), values) for name in table.values for type, values in [table.column(name)]
    }
    assert found == {
        "n": ("int16", [1, 2]),
        "half": ("float16", [1.0, 2.0]),
        "flag": ("bool", [True, False]),
        "text": ("str", ["a", "é"]),
        "raw": ("bytes", [b"\0", b""]),
        "boxes": ("float32[?,2]", [[[1.0, 2.0]], []]),
        "holes": ("json", [1, None]),
        "day": ("str", ["1970-01-01", "1970-01-02"]),
        "nested": ("json", [{"a": 1}, {"a": 2}]),
    }


def test_damaged_parquet(tmp_path: Path) -> None:
    pyarrow = pyarrow_or_skip()
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"n": list(range(100))}), path)
    data = path.read_bytes()
    for size in range(0, len(data), 37):
        path.write_bytes(data[:size])
        with pytest.raises(FormatError, match="expected a Parquet file"):
            read_table(path)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", "", "first line of different names"),
        ("a.csv", "a,a\n", "first line of different names"),
        ("a.csv", "a,b\n1\n", "line 2: expected 2 fields, found 1"),
        ("a.csv", 'a,b\n1,"2\n', "line 2: unexpected end of data"),
        ("a.jsonl", "{}\n[1]\n", r"line 2: expected an object, found b'\[1\]'"),
        ("a.jsonl", '{"a": 1}\n{"a"', "line 2: expected JSON, found"),
        ("a.jsonl", "[" * 100_000, "line 1: expected JSON, found"),
    ],
)
def test_damaged_texts(tmp_path: Path, name: str, text: str, line: str) -> None:
    with pytest.raises(FormatError, match=line):
        read_table(write(tmp_path / name, text))


def test_values_of_another_type_are_named(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "n,b\n1,?\nx,?\n"))
    with pytest.raises(FormatError, match=r"a.csv: row 2, column 'n': expected int32, found 'x'"):
        table.column("n", ColumnType("int32"))
    with pytest.raises(FormatError, match=r"row 1, column 'b': expected bytes, found '\?'"):
        table.column("b", ColumnType("bytes"))
    with pytest.raises(FormatError, match="row 1, column 'n': expected uint8"):
        read_table(write(tmp_path / "b.csv", "n\n300\n")).column("n", ColumnType("uint8"))
    with pytest.raises(DatasetError, match="expected a column 'm', found n, b"):
        table.column("m")


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a file .csv, .jsonl, .parquet"):
        read_table(tmp_path / "a.xls")
    with pytest.raises(StorageError, match="there is no such file"):
        read_table(tmp_path / "a.csv")


TEXTS = st.text(
    st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]), max_size=6
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1))
def test_any_texts_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    write(folder / "a.jsonl", "\n".join(json.dumps({"a": a, "b": b}) for a, b in rows))
    for name in ("a.csv", "a.jsonl"):
        table = read_table(folder / name)
        for number, column in enumerate("ab"):
            values = [row[number] for row in rows]
            assert table.column(column, ColumnType("str"))[1] == values


def test_pyarrow_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        UsageError, match=r"Parquet needs the package pyarrow: pip install .*\[tables\]"
    ):
        read_table(write(tmp_path / "a.parquet", "?"))
