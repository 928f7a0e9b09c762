"""The page of a position folder: how hard its positions are, and some of them to look at."""

from training.rpt.report.page import write_page

__all__ = ["write_page"]
