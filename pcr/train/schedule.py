"""The learning rate of every step."""

from __future__ import annotations

# The paper's run: 90 epochs, the first 5 warm up, and the rate falls to a tenth at 30, 60 and 80.
PAPER_EPOCHS = 90
PAPER_WARMUP_EPOCHS = 5
PAPER_MILESTONES = (30, 60, 80)
DECAY = 0.1


def learning_rate(base: float, epochs: int, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The learning rate of step `step` of epoch `epoch`, both counted from 0.

    A run of fewer than 90 epochs keeps the paper's proportions: its warm-up and its milestones lie at the
    same fractions of the run (10 epochs: 0.56 epochs of warm-up, then a tenth each at 3.3, 6.7 and 8.9).
    A longer run keeps the paper's epochs. As in the paper's code, `base` is used as given, whatever the batch size.
    """
    scale = min(1.0, epochs / PAPER_EPOCHS)
    progress = epoch + step / steps_per_epoch
    decays = sum(progress >= milestone * scale for milestone in PAPER_MILESTONES)
    warm_up = (progress + 1 / steps_per_epoch) / (PAPER_WARMUP_EPOCHS * scale)
    return base * DECAY**decays * min(1.0, warm_up)
