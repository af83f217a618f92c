"""``pcr add-column``: a named value for each image, added to a finished dataset."""

from __future__ import annotations

import argparse

from pcr.cli.text import counted, printable
from pcr.dataset.column_types import ColumnType
from pcr.storage.store import open_store
from pcr.tools.column_addition import add_column
from pcr.tools.value_files import NAME_COLUMNS, read_values

HELP = "Add a column, a named value for each image, to a finished dataset."
EPILOG = (
    "The values lie in files of their own beside the records, which stay as they are. Stopped at any "
    "moment, the dataset is as it was, or has the column."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("dataset", help="directory or URL (s3://, gs://, az://) of a finished dataset")
    add("name", metavar="NAME", help="the column's name")
    add(
        "file",
        metavar="FILE",
        help="a .csv, .jsonl or .parquet file with each image's name and its value in the column "
        "NAME, or a .npy array with the values in the dataset's order",
    )
    add(
        "--type",
        metavar="TYPE",
        help="int64, float32, bool, str, bytes, json, float32[4], float32[?,4] … (default: what "
        "fits)",
    )
    add(
        "--key",
        metavar="COLUMN",
        help=f"the column of FILE with the images' names (default: the first there is of "
        f"{', '.join(NAME_COLUMNS)})",
    )
    add("--force", action="store_true", help="replace a column that was added before")
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> None:
    """Add the column, then say what it is."""
    wanted = None if arguments.type is None else ColumnType.parse(arguments.type)
    type, values = read_values(arguments.file, arguments.name, wanted, arguments.key)
    added = add_column(
        arguments.dataset,
        arguments.name,
        values,
        type=type,
        force=arguments.force,
        progress=not arguments.quiet,
    )
    unused = counted(added.unused_values, "value")
    print(
        f"{printable(open_store(arguments.dataset).location)}: {added.column}, "
        f"{counted(added.images, 'image')}, {added.file_bytes:,} bytes"
        + f", {unused} of other images not used"
        * bool(added.unused_values)
    )
