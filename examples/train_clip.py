#!/usr/bin/env python3
"""Like CLIP: images and their captions, a column of the dataset, are learned to go together."""

import argparse
import zlib
from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy, normalize
from torchvision.models import resnet18

import pcr

WIDTH, WORDS = 128, 4096


class Captions(torch.nn.Module):
    """The mean of the vectors of a caption's words; a real model has a transformer here."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.EmbeddingBag(WORDS, WIDTH)

    def forward(self, captions: Sequence[str]) -> torch.Tensor:
        tokens = [[zlib.crc32(word.encode()) % WORDS for word in text.split()] for text in captions]
        starts = [0, *torch.tensor([len(words) for words in tokens]).cumsum(0)[:-1].tolist()]
        flat = [word for words in tokens for word in words]
        return self.words(torch.tensor(flat), torch.tensor(starts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="directory or URL of a PCR dataset with captions")
    parser.add_argument("--column", default="caption", help="name of the column")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--n_scans", type=int, default=5, help="levels of fidelity to read")
    arguments = parser.parse_args()

    crop, names = pcr.TrainTransform(64, scale=(0.5, 1)), (arguments.column,)
    loader = pcr.Loader(arguments.dataset, 8, arguments.n_scans, transform=crop, columns=names)
    encode_image, encode_text = resnet18(num_classes=WIDTH), Captions()
    scale = torch.nn.Parameter(torch.tensor(2.7))  # log of 1 / temperature
    parameters = [*encode_image.parameters(), *encode_text.parameters(), scale]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    for epoch in range(arguments.epochs):
        for batch in loader:
            images = normalize(encode_image(batch["images"]))
            texts = normalize(encode_text(batch[arguments.column]))
            logits = scale.exp() * images @ texts.T
            pairs = torch.arange(len(logits))
            loss = (cross_entropy(logits, pairs) + cross_entropy(logits.T, pairs)) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch}: {len(logits)} images, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
