#!/usr/bin/env python3
"""Train a classifier: python3 dali_main.py --n_scans 5 s3://bucket/train s3://bucket/val."""

from pcr.cli.command import main

if __name__ == "__main__":
    main("train")
