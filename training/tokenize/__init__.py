"""Texts to token shards: `mathmill tokenize`."""
