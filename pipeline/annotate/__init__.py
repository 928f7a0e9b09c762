"""Annotation: a sample of documents, scored by a language model with a rubric, for `mathmill classifier train`."""
