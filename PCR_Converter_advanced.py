#!/usr/bin/env python3
"""Convert an ImageFolder with the flags of the release's advanced converter: see --help."""

from pcr.cli.command import main

if __name__ == "__main__":
    main("convert")
