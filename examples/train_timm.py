#!/usr/bin/env python3
"""timm: its models, augmentation and loader, over images that are read one by one."""

import argparse

import torch
from timm import create_model
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from torch.nn.functional import cross_entropy

from pcr.torch import MapDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that load")
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = MapDataset(arguments.dataset, arguments.n_scans)
    loader = create_loader(
        dataset,
        input_size=(3, arguments.size, arguments.size),
        batch_size=8,
        is_training=True,
        auto_augment="rand-m9-mstd0.5",
        num_workers=arguments.workers,
        use_prefetcher=False,
    )
    model = create_model(arguments.model, num_classes=len(dataset.classes)).to(device)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=1e-3)
    for epoch in range(arguments.epochs):
        for images, labels in loader:
            loss = cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch}: {len(images)} images, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
