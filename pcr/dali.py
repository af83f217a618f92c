"""DALI pipelines: JPEGs in, batches of augmented images and their labels out.

Every pipeline is made of three parts, each defined once here: a source of JPEGs (`jpeg_source`),
a crop while or after decoding (`random_resized_crop`, `resized`), and `normalise`. The pipelines
run on a GPU ("mixed" decoding) or, with ``device_id=None``, on the CPU alone, where no CUDA driver
is needed.

All read from a `PCRIterator`, of a directory or a URL, or from a `FileIterator`. They are
`nvidia.dali.pipeline_def` factories, so batch_size, num_threads, device_id, seed and the other
arguments of `nvidia.dali.Pipeline` are passed by keyword:

    pipe = PCRHybridTrainPipe(pcr_iterator, crop=224, batch_size=128, num_threads=4, device_id=0)

Images are float32 of shape (3, crop, crop), those of `PCRPipeline` uint8 (height, width, 3); labels
are int32 of shape (1,). Grayscale and CMYK JPEGs come out as RGB. As in torchvision's ImageFolder,
EXIF orientation is not applied.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from nvidia.dali import fn, types
from nvidia.dali.pipeline import Pipeline, pipeline_def
from PIL import Image

from pcr.errors import UsageError
from pcr.loading.source import DaliBatch, JpegSource
from pcr.loading.windows import (
    CROP_ATTEMPTS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    PAPER_RATIO,
    PAPER_SCALE,
)

# In units of a pixel value.
MEAN = [255 * value for value in IMAGENET_MEAN]
STD = [255 * value for value in IMAGENET_STD]


def jpeg_source(batches: JpegSource) -> Any:
    """JPEGs and labels from an iterator, epoch after epoch; batches may differ in size.

    Where the iterator raises StopIteration, DALI's epoch ends too; after the pipeline's ``reset``
    the next begins. DALI takes no empty batch, which a rank with fewer images than batches has: it
    comes as one stand-in, to be cut off again. Raises UsageError where columns are read too.
    """
    if batches.columns:
        raise UsageError("expected none: pipelines of DALI take JPEGs and labels", "columns")
    return fn.external_source(
        # DALI restores a pipeline from a checkpoint only where the source takes an argument.
        source=lambda _batch_index: _not_empty(next(batches)),
        num_outputs=2,
        dtype=[types.DALIDataType.UINT8, types.DALIDataType.INT32],
        ndim=[1, 1],
    )


def _not_empty(batch: DaliBatch) -> DaliBatch:
    return batch if batch[0] else ([_stand_in()], [np.zeros(1, dtype=np.int32)])


def _stand_in() -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def _on_gpu() -> bool:
    return Pipeline.current().device_id is not None


def _decoding(dali_cpu: bool) -> dict[str, Any]:
    """Arguments of every decoder."""
    return {
        "device": "mixed" if _on_gpu() and not dali_cpu else "cpu",
        "output_type": types.DALIImageType.RGB,
        "adjust_orientation": False,
        "jpeg_fancy_upsampling": True,  # the same pixels on the GPU as on the CPU
    }


def decoded(jpegs: Any, dali_cpu: bool = False) -> Any:
    """Whole images: uint8 of shape (height, width, 3)."""
    return fn.decoders.image(jpegs, **_decoding(dali_cpu))


def random_resized_crop(jpegs: Any, crop: int, dali_cpu: bool = False) -> Any:
    """A random window of each image, the only part that is decoded, at `crop` × `crop` pixels."""
    images = fn.decoders.image_random_crop(
        jpegs,
        random_area=PAPER_SCALE,
        random_aspect_ratio=PAPER_RATIO,
        num_attempts=CROP_ATTEMPTS,
        **_decoding(dali_cpu),
    )
    return fn.resize(
        images, resize_x=crop, resize_y=crop, interp_type=types.DALIInterpType.INTERP_TRIANGULAR
    )


def resized(jpegs: Any, size: int, dali_cpu: bool = False) -> Any:
    """Whole images whose shorter edge has `size` pixels."""
    images = decoded(jpegs, dali_cpu)
    return fn.resize(
        images, resize_shorter=size, interp_type=types.DALIInterpType.INTERP_TRIANGULAR
    )


def normalise(images: Any, crop: int, **crop_and_mirror: Any) -> Any:
    """Cut to `crop` × `crop` (the centre, unless crop_pos_x and crop_pos_y differ), normalise."""
    if _on_gpu():
        images = images.gpu()  # 8-bit pixels cross the bus, not floats
    return fn.crop_mirror_normalize(
        images,
        crop=(crop, crop),
        mean=MEAN,
        std=STD,
        dtype=types.DALIDataType.FLOAT,
        output_layout="CHW",
        **crop_and_mirror,
    )


def _where_images_are(array: Any) -> Any:
    """The array on the device on which the pipeline's images come out."""
    return array.gpu() if _on_gpu() else array


@pipeline_def
def PCRPipeline(batches: JpegSource, dali_cpu: bool = False) -> Any:  # noqa: N802
    """Decode only: images of their own sizes, labels."""
    jpegs, labels = jpeg_source(batches)
    return decoded(jpegs, dali_cpu), _where_images_are(labels)


@pipeline_def
def ImageNetPCRPipeline(  # noqa: N802
    batches: JpegSource, crop: int = 224, size: int = 256, dali_cpu: bool = False
) -> Any:
    """Resize the shorter edge to `size`, cut a random square of `crop`, normalise."""
    jpegs, labels = jpeg_source(batches)
    images = normalise(
        resized(jpegs, size, dali_cpu),
        crop,
        crop_pos_x=fn.random.uniform(range=(0.0, 1.0)),
        crop_pos_y=fn.random.uniform(range=(0.0, 1.0)),
    )
    return images, _where_images_are(labels)


@pipeline_def
def HybridTrainPipe(  # noqa: N802
    batches: JpegSource, crop: int = 224, dali_cpu: bool = False
) -> Any:
    """Training, from PCR or from image files: random-resized crop, flip, normalise."""
    jpegs, labels = jpeg_source(batches)
    images = normalise(
        random_resized_crop(jpegs, crop, dali_cpu),
        crop,
        mirror=fn.random.coin_flip(probability=0.5),
    )
    return images, _where_images_are(labels)


PCRHybridTrainPipe = HybridTrainPipe  # the name that the paper's release gave it


@pipeline_def
def HybridValPipe(  # noqa: N802
    batches: JpegSource, crop: int = 224, size: int = 256, dali_cpu: bool = False
) -> Any:
    """Validation: shorter edge to `size`, the centre's `crop` square, normalise."""
    jpegs, labels = jpeg_source(batches)
    return normalise(resized(jpegs, size, dali_cpu), crop), _where_images_are(labels)
