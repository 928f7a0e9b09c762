"""Sequences that share their beginnings: keys and values of a spine out of a model, branches that read them."""
