#!/usr/bin/env python3
"""Convert an ImageFolder of JPEGs: python3 PCR_Converter.py <input_dataset> <output_directory>."""

from pcr.cli.command import main

if __name__ == "__main__":
    main("basic")
