"""Answers whose prompts begin alike: what they share is computed once."""
