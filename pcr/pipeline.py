"""DALI pipelines: JPEGs in, batches of augmented images and their labels out.

Every pipeline is made of three parts, each defined once here: a source (`pcr_source`, `file_source`),
a crop while or after decoding (`random_resized_crop`, `resized`), and `normalise`. The pipelines run
on a GPU ("mixed" decoding) or, with ``device_id=None``, on the CPU alone, where no CUDA driver is needed.

All are `nvidia.dali.pipeline_def` factories, so batch_size, num_threads, device_id, seed and the other
arguments of `nvidia.dali.Pipeline` are passed by keyword:

    pipe = PCRHybridTrainPipe(pcr_iter, crop=224, batch_size=128, num_threads=4, device_id=0)

Images are float32 of shape (3, crop, crop); labels int32 of shape (1,); `PCRPipeline` gives uint8 (height, width, 3).
Grayscale and CMYK JPEGs come out as RGB. As in torchvision's ImageFolder, EXIF orientation is not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nvidia.dali import fn, types
from nvidia.dali.pipeline import Pipeline, pipeline_def

from pcr.iterator import PCRIterator

READER_NAME = "reader"  # what DALI's iterators ask for the number of images and the padding

# Statistics of ImageNet's training set in RGB, in units of a pixel value
# (https://pytorch.org/vision/stable/models.html, times 255).
MEAN = [0.485 * 255, 0.456 * 255, 0.406 * 255]
STD = [0.229 * 255, 0.224 * 255, 0.225 * 255]

# The random-resized crop of the paper's training runs, which are those of NVIDIA's DALI ResNet example
# (https://docs.nvidia.com/deeplearning/dali/, use cases, PyTorch ResNet50).
CROP_AREA = [0.1, 1.0]  # of the image's area
CROP_ASPECT_RATIO = [0.8, 1.25]  # width / height
CROP_ATTEMPTS = 100


def pcr_source(pcr_iter: PCRIterator) -> Any:
    """JPEGs and labels from a PCR dataset, epoch after epoch; batches may differ in size."""
    return fn.external_source(
        # DALI restores a pipeline from a checkpoint only where the source takes an argument.
        source=lambda _batch_index: next(iter(pcr_iter)),
        num_outputs=2,
        dtype=[types.DALIDataType.UINT8, types.DALIDataType.INT32],
        ndim=[1, 1],
    )


def file_source(files: Sequence[str], labels: Sequence[int], shuffle_seed: int | None) -> Any:
    """JPEGs and labels from files: in the order given, or with a seed in a new order each epoch.

    The last batch is padded; `READER_NAME` lets DALI's iterators drop the padding again.
    """
    shuffle: dict[str, Any] = (
        {}
        if shuffle_seed is None
        else {"shuffle_after_epoch": True, "shuffle_after_epoch_seed": shuffle_seed}
    )
    return fn.readers.file(
        files=list(files), labels=list(labels), pad_last_batch=True, name=READER_NAME, **shuffle
    )


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
        random_area=CROP_AREA,
        random_aspect_ratio=CROP_ASPECT_RATIO,
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
    """Cut to `crop` × `crop` (the centre, unless crop_pos_x and crop_pos_y say where), mirror, normalise."""
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


def _for_training(jpegs: Any, crop: int, dali_cpu: bool) -> Any:
    images = random_resized_crop(jpegs, crop, dali_cpu)
    return normalise(images, crop, mirror=fn.random.coin_flip(probability=0.5))


def _beside_images(array: Any) -> Any:
    """The array on the device on which the pipeline's images come out."""
    return array.gpu() if _on_gpu() else array


@pipeline_def
def PCRPipeline(pcr_iter: PCRIterator, dali_cpu: bool = False) -> Any:  # noqa: N802
    """Decode only: images of their own sizes, labels."""
    jpegs, labels = pcr_source(pcr_iter)
    return decoded(jpegs, dali_cpu), _beside_images(labels)


@pipeline_def
def ImageNetPCRPipeline(  # noqa: N802
    pcr_iter: PCRIterator, crop: int = 224, size: int = 256, dali_cpu: bool = False
) -> Any:
    """Resize the shorter edge to `size`, cut a random square of `crop`, normalise."""
    jpegs, labels = pcr_source(pcr_iter)
    images = normalise(
        resized(jpegs, size, dali_cpu),
        crop,
        crop_pos_x=fn.random.uniform(range=(0.0, 1.0)),
        crop_pos_y=fn.random.uniform(range=(0.0, 1.0)),
    )
    return images, _beside_images(labels)


@pipeline_def
def PCRHybridTrainPipe(  # noqa: N802
    pcr_iter: PCRIterator, crop: int = 224, dali_cpu: bool = False
) -> Any:
    """Training from PCR: random-resized crop, flip, normalise."""
    jpegs, labels = pcr_source(pcr_iter)
    return _for_training(jpegs, crop, dali_cpu), _beside_images(labels)


@pipeline_def
def HybridTrainPipe(  # noqa: N802
    files: Sequence[str],
    labels: Sequence[int],
    crop: int = 224,
    dali_cpu: bool = False,
    shuffle_seed: int | None = 0,
) -> Any:
    """Training from image files: random-resized crop, flip, normalise. Third output: bytes of each file."""
    jpegs, label = file_source(files, labels, shuffle_seed)
    return _for_training(jpegs, crop, dali_cpu), _beside_images(label), jpegs.shape()


@pipeline_def
def HybridValPipe(  # noqa: N802
    files: Sequence[str],
    labels: Sequence[int],
    crop: int = 224,
    size: int = 256,
    dali_cpu: bool = False,
) -> Any:
    """Validation: shorter edge to `size`, the centre's `crop` square, normalise. Third output: bytes of each file."""
    jpegs, label = file_source(files, labels, shuffle_seed=None)
    images = normalise(resized(jpegs, size, dali_cpu), crop)
    return images, _beside_images(label), jpegs.shape()
