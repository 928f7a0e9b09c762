"""Rewriting of documents by a language model, and the guard that checks every rewrite."""

from pipeline.refine.guard import Verdict, check_rewrite

__all__ = ["Verdict", "check_rewrite"]
