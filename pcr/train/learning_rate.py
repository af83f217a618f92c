"""The learning rate of every step."""

from __future__ import annotations

# The paper: 90 epochs, the first 5 of warm-up; the rate falls to a tenth at 30, 60 and 80.
PAPER_EPOCHS = 90
PAPER_WARMUP_EPOCHS = 5
PAPER_MILESTONES = (30, 60, 80)
DECAY = 0.1


def scaled_rate(base: float, epochs: int, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The rate of a step of an epoch, both counted from 0, in a run of ``epochs`` epochs.

    Fewer than 90 epochs keep the paper's proportions: warm-up and milestones lie at the same
    fractions of the run (10 epochs: 0.56 epochs of warm-up, then a tenth each at 3.3, 6.7 and 8.9).
    A longer run keeps the paper's epochs. ``base`` is used as given, whatever the batch size.
    """
    scale = min(1.0, epochs / PAPER_EPOCHS)
    progress = epoch + step / steps_per_epoch
    decays = sum(progress >= milestone * scale for milestone in PAPER_MILESTONES)
    warm_up = (progress + 1 / steps_per_epoch) / (PAPER_WARMUP_EPOCHS * scale)
    return base * DECAY**decays * min(1.0, warm_up)


def paper_rate(base: float, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The rate by the rule of the paper's released code, which knows nothing of the run's length.

    After five epochs of warm-up it falls to a tenth after every 30 epochs, and once more at epoch
    80: at 30, 60, 80, 90, 120 …
    """
    decays = epoch // 30 + (epoch >= 80)
    warm_up = (epoch + (step + 1) / steps_per_epoch) / PAPER_WARMUP_EPOCHS
    return base * DECAY**decays * min(1.0, warm_up)
