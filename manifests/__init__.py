"""Recipes, the sample crawl and the JSON Schemas that ship with mathmill, as package data."""

from pathlib import Path

ROOT = Path(__file__).parent
"""Folder of the shipped files: `recipes/`, `tasks/`, `templates/`, `schema/` and the others."""
