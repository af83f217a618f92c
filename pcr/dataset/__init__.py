"""The format on disk: layout, messages, reader, writer."""
