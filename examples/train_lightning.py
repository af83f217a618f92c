#!/usr/bin/env python3
"""Lightning with two processes: the loader takes its share by itself, and resumes in mid-epoch."""

import argparse

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18

import pcr


class Classifier(lightning.LightningModule):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.model = resnet18(num_classes=classes)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        loss = cross_entropy(self.model(images), labels)
        print(f"rank {self.global_rank}, step {self.global_step}: {len(images)} images, {loss:.3f}")
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset")
    parser.add_argument("--devices", type=int, default=2, help="processes")
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=-1, help="stop after this step")
    parser.add_argument("--checkpoints", default="checkpoints", help="folder of the checkpoint")
    parser.add_argument("--resume", help="checkpoint to resume from")
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    arguments = parser.parse_args()

    transform = pcr.TrainTransform(arguments.size)
    # Lightning keeps the loader's state_dict() in its checkpoints.
    loader = pcr.Loader(arguments.dataset, 4, arguments.n_scans, transform=transform, seed=1)
    trainer = lightning.Trainer(
        accelerator=arguments.accelerator,
        devices=arguments.devices,
        max_epochs=arguments.epochs,
        max_steps=arguments.steps,
        callbacks=[ModelCheckpoint(arguments.checkpoints, every_n_train_steps=1)],
        logger=False,
        enable_progress_bar=False,
    )
    trainer.fit(Classifier(len(loader.source.classes)), loader, ckpt_path=arguments.resume)


if __name__ == "__main__":
    main()
