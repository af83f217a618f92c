#!/usr/bin/env python3
"""JAX and Optax: batches as NumPy arrays, without torch."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax

import pcr

BATCH_SIZE = 8
LAYOUT = ("NHWC", "HWIO", "NHWC")


def make_weights(classes: int) -> list[jax.Array]:
    rng = np.random.default_rng(0)
    shapes = [(3, 3, 3, 16), (3, 3, 16, 32), (3, 3, 32, 64), (64, classes)]
    drawn = (rng.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape) for shape in shapes)
    return [jnp.asarray(weights, jnp.float32) for weights in drawn]


def loss_of(weights: list[jax.Array], images: jax.Array, labels: jax.Array) -> jax.Array:
    """Of a small convolutional network."""
    for kernel in weights[:-1]:
        images = jax.lax.conv_general_dilated(
            images, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT
        )
        images = jax.nn.relu(images)
    logits = images.mean((1, 2)) @ weights[-1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    arguments = parser.parse_args()

    # Batches of one size, for which JAX compiles once.
    batches = {"transform": pcr.TrainTransform(64), "drop_last": True}
    arrays = {"output": "numpy", "layout": "NHWC"}
    loader = pcr.Loader(arguments.dataset, BATCH_SIZE, arguments.n_scans, **batches, **arrays)
    weights = make_weights(len(loader.source.classes))
    optimizer = optax.adam(1e-3)
    state, gradient = optimizer.init(weights), jax.jit(jax.value_and_grad(loss_of))
    for epoch in range(arguments.epochs):
        for images, labels in loader:
            loss, gradients = gradient(weights, images, labels)
            updates, state = optimizer.update(gradients, state)
            weights = optax.apply_updates(weights, updates)
        print(f"epoch {epoch}: {len(loader) * BATCH_SIZE} images, loss {loss:.3f}")


if __name__ == "__main__":
    main()
