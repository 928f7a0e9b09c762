"""Texts that this project wrote, from which labelled pages are generated: part of what the math model learns from."""
