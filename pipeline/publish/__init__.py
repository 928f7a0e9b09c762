"""Finished corpora on other machines."""
