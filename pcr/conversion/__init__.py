"""Make a dataset: sources, plan, records on all cores, index; stop and resume at any time."""
