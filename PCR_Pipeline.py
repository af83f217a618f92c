#!/usr/bin/env python3
"""The DALI pipelines under the name that scripts import: ``from PCR_Pipeline import PCRHybridTrainPipe``."""

from pcr.dali import (
    HybridTrainPipe,
    HybridValPipe,
    ImageNetPCRPipeline,
    PCRHybridTrainPipe,
    PCRPipeline,
)

__all__ = [
    "HybridTrainPipe",
    "HybridValPipe",
    "ImageNetPCRPipeline",
    "PCRHybridTrainPipe",
    "PCRPipeline",
]
