"""Reports: self-contained web pages on a dataset, or on training runs."""
