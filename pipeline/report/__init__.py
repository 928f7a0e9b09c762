"""The report: one self-contained HTML page that shows what a corpus holds, what was left out, and why."""

from pipeline.report.page import render_report

__all__ = ["render_report"]
