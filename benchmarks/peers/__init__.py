"""The loaders that benchmarks/loaders.py compares: how each stores a folder of images, and one epoch of each.

All do the same work: decode, a random-resized crop of 224 (with antialiasing if the library has
it), a flip, normalisation, shuffled float32 batches of 64 in torch's memory. Each is set up as its
documentation says, with as many workers or threads as there are cores.
"""

from __future__ import annotations

from peers.common import Epoch, Peer, samples
from peers.ours import pcr_peer
from peers.tensorflow_data import tf_data_epochs
from peers.threads import dali_epochs, ffcv_epochs, prepare_ffcv, prepare_ffcv_raw, spdl_epochs
from peers.worker_processes import (
    litdata_epochs,
    prepare_litdata,
    prepare_streaming,
    prepare_webdataset,
    streaming_epochs,
    torchcodec_epochs,
    torchvision_decode_jpeg,
    torchvision_pil,
    webdataset_epochs,
)

__all__ = ["PEERS", "Epoch", "Peer", "find_peer", "samples"]

PEERS = {
    "torchvision-pil": Peer("torchvision ImageFolder, PIL", "torchvision", torchvision_pil),
    "torchvision-io": Peer("torchvision, decode_jpeg", "torchvision", torchvision_decode_jpeg),
    "torchcodec": Peer("torchvision, torchcodec", "torchcodec", torchcodec_epochs),
    "webdataset": Peer("WebDataset", "webdataset", webdataset_epochs, prepare_webdataset),
    "streaming": Peer(
        "MosaicML Streaming", "mosaicml-streaming", streaming_epochs, prepare_streaming
    ),
    "litdata": Peer("LitData", "litdata", litdata_epochs, prepare_litdata),
    "dali": Peer("DALI, readers.file", "nvidia-dali-cuda130", dali_epochs),
    "spdl": Peer("SPDL", "spdl-io", spdl_epochs),
    "tf-data": Peer(
        "tf.data", "tensorflow-cpu", tf_data_epochs, note="NHWC", framework="tensorflow"
    ),
    "ffcv": Peer("FFCV, jpg", "ffcv", ffcv_epochs, prepare_ffcv, "re-encoded, no antialiasing"),
    "ffcv-raw": Peer("FFCV, raw", "ffcv", ffcv_epochs, prepare_ffcv_raw, "pixels, no antialiasing"),
}


def find_peer(name: str) -> Peer:
    """The loader of that name; ours are called pcr:LADDER:LEVEL."""
    if name.startswith("pcr:"):
        _, ladder, level = name.split(":")
        return pcr_peer(ladder, int(level))
    return PEERS[name]
