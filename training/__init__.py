"""Manifests to models: mid-training, reinforcement learning, evaluation. Nothing here is imported by the pipeline."""
