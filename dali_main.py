#!/usr/bin/env python3
"""Train a classifier: python3 dali_main.py --PCR_train --n_scans 5 PCR_DATASET VALIDATION_FOLDER."""

from pcr.cli.command import main

if __name__ == "__main__":
    main("train")
