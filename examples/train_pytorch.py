#!/usr/bin/env python3
"""Plain PyTorch: train a ResNet-18 on a PCR dataset, and resume in the middle of an epoch."""

import argparse
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18

import pcr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop after so many steps of this run")
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()

    transform = pcr.TrainTransform(arguments.size)
    loader = pcr.Loader(arguments.dataset, 8, arguments.n_scans, transform=transform, seed=1)
    model = resnet18(num_classes=len(loader.source.classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    if arguments.checkpoint.exists():
        state = torch.load(arguments.checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])  # the next loop has the batches that are left

    steps = 0
    while loader.epoch < arguments.epochs and steps != arguments.steps:
        epoch = loader.epoch
        for images, labels in loader:
            loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            print(f"epoch {epoch}, step {steps}: {len(images)} images, loss {loss.item():.3f}")
            if steps == arguments.steps:
                break
    state = {"model": model, "optimizer": optimizer, "loader": loader}
    torch.save({name: part.state_dict() for name, part in state.items()}, arguments.checkpoint)


if __name__ == "__main__":
    main()
