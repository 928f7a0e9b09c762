"""Inputs that are no crawls: rows of text or HTML (Parquet, JSON lines, the Hub), and HTML files."""
