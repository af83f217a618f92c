"""``python3 -m pcr``."""

from pcr.cli.main import main

main()
