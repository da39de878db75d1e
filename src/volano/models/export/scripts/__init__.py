"""Scripts that run in the environments of converters; nothing here is imported."""
