#!/usr/bin/env python3
"""Accelerate: ``torchrun --nproc_per_node 2 examples/train_accelerate.py DATASET``, say."""

import argparse

import torch
from accelerate import Accelerator
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18

import pcr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()

    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    # The loader is not prepared: it takes its process's share, on its device, by itself.
    loader = pcr.Loader(
        arguments.dataset,
        4,
        arguments.n_scans,
        transform=pcr.TrainTransform(arguments.size),
        device=accelerator.device,
    )
    model = resnet18(num_classes=len(loader.source.classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    model, optimizer = accelerator.prepare(model, optimizer)

    for epoch in range(arguments.epochs):
        seen = 0
        for images, labels in loader:
            loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            seen += len(images)
        total = accelerator.reduce(torch.tensor(seen, device=accelerator.device))
        processes = accelerator.num_processes
        accelerator.print(
            f"epoch {epoch}: {total} images in {processes} processes, loss {loss.item():.3f}"
        )
    accelerator.end_training()


if __name__ == "__main__":
    main()
