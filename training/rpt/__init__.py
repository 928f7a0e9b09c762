"""Reinforcement Pre-Training: next-token reasoning on plain text (arXiv 2506.08007)."""
