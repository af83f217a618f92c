"""Where bytes lie: the first n bytes of a file."""
