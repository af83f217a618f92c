#!/usr/bin/env python3
"""Detection: boxes, a column of the dataset, follow their images through crop, flip and resizing."""

import argparse
from typing import Any

import torch
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

import pcr
from pcr.transforms import crop_boxes

SIZE = 320


def targets_of(batch: dict[str, Any], column: str) -> list[dict[str, torch.Tensor]]:
    """As torchvision's detectors want them; the class of a box is that of its image."""
    moved = crop_boxes(batch[column], batch["window"], batch["flip"], SIZE)
    targets = []
    for boxes, label in zip(map(torch.as_tensor, moved), batch["labels"], strict=True):
        seen = (boxes[:, 2:] - boxes[:, :2] >= 1).all(1)  # others are outside of the window
        labels = torch.full((int(seen.sum()),), int(label) + 1)  # 0 is the background
        targets.append({"boxes": boxes[seen], "labels": labels})
    return targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset with boxes")
    parser.add_argument("--column", default="boxes", help="left, top, right, bottom in pixels")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    arguments = parser.parse_args()

    # Pixel values 0 … 1: the detector normalises by itself.
    crop = pcr.TrainTransform(SIZE, scale=(0.5, 1), mean=(0, 0, 0), std=(1, 1, 1))
    boxes = {"columns": (arguments.column,), "return_crop": True}
    loader = pcr.Loader(arguments.dataset, 8, arguments.n_scans, transform=crop, **boxes)
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=len(loader.source.classes) + 1
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(arguments.epochs):
        for batch in loader:
            losses = model(list(batch["images"]), targets_of(batch, arguments.column))
            loss = sum(losses.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch}: {len(batch['images'])} images, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
