"""Deduplication on the math-safe form of a text."""

from pipeline.dedup.normalise import normalise

__all__ = ["normalise"]
