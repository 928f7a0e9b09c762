"""Text classifiers: language and mathematics."""
