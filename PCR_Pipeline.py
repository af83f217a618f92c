"""The DALI pipelines under the name that training scripts import."""

from pcr.extras import naming_extras

with naming_extras():
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
