"""tf.data, TensorFlow's loader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peers.common import BATCH, MEAN, RATIO, SCALE, SIZE, STD, Epoch, samples


def tf_data_epochs(folder: Path, _store: Path, threads: int) -> Epoch:
    """A pipeline of `tf.data` that decodes the crop alone; batches have TensorFlow's layout, NHWC."""
    import tensorflow as tf

    files, labels = zip(*((str(file), label) for file, label in samples(folder)), strict=True)
    mean, std = 255 * tf.constant(MEAN), 255 * tf.constant(STD)

    def load(file: Any, label: Any) -> tuple[Any, Any]:
        jpeg = tf.io.read_file(file)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.image.extract_jpeg_shape(jpeg),
            tf.zeros([1, 0, 4]),
            min_object_covered=0.0,
            area_range=SCALE,
            aspect_ratio_range=RATIO,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], axis=0)
        image = tf.image.decode_and_crop_jpeg(jpeg, window, channels=3)
        image = tf.image.resize(image, (SIZE, SIZE), antialias=True)
        return (tf.image.random_flip_left_right(image) - mean) / std, label

    dataset = (
        tf.data.Dataset.from_tensor_slices((list(files), list(labels)))
        .shuffle(len(files))
        .map(load, num_parallel_calls=threads)
        .batch(BATCH)
        .prefetch(2)
    )

    def epoch() -> Iterator[tuple[Any, Any]]:
        for images, batch_labels in dataset:
            yield images.numpy(), batch_labels.numpy()

    return epoch
