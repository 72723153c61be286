"""The dispute engines."""
