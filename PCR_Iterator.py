"""The iterator over minibatches of a PCR dataset, under the name that training scripts import."""

from pcr.loading.iterator import PCRIterator

__all__ = ["PCRIterator"]
