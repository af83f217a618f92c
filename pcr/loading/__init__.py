"""From records to batches: order, reading ahead, decoding, transforms."""
