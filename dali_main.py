#!/usr/bin/env python3
"""Train a classifier on a PCR dataset or an ImageFolder (see --help)."""

import sys

from pcr.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
