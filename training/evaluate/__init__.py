"""Evaluation: benchmarks as files, answers graded as rewards are, every number with how it was made."""
