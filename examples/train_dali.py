#!/usr/bin/env python3
"""NVIDIA DALI decodes and augments, on a GPU if there is one; the iterator reads the levels."""

import argparse

import torch
from nvidia.dali.plugin.pytorch import DALIClassificationIterator
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18

import pcr
from pcr.dali import PCRHybridTrainPipe

BATCH_SIZE = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    jpegs = pcr.PCRIterator(arguments.dataset, BATCH_SIZE, arguments.n_scans)
    pipe = PCRHybridTrainPipe(
        jpegs,
        crop=arguments.size,
        batch_size=BATCH_SIZE,
        num_threads=2,
        device_id=0 if device == "cuda" else None,
    )
    loader = DALIClassificationIterator(pipe, auto_reset=True)  # an epoch is the iterator's
    model = resnet18(num_classes=len(jpegs.classes)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(arguments.epochs):
        seen = 0
        for (batch,) in loader:
            labels = batch["label"].flatten().long().to(device)
            loss = cross_entropy(model(batch["data"]), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(labels)
        print(f"epoch {epoch}: {seen} images, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
