"""Declarative shadow roots: templates whose content browsers show, while that of any other template is inert."""

import re

_TEMPLATE = re.compile(r"<(/?)template\b([^>]*)>", re.IGNORECASE)


def open_shadow_roots(source: str) -> str:
    """A page with every `<template shadowrootmode>` outside other templates as a `<div>`, which parsers read."""
    if "shadowroot" not in source:
        return source
    opened: list[bool] = []  # for each open template, whether it is a shadow root that is shown

    def swap(tag: re.Match[str]) -> str:
        if tag[1]:
            return "</div>" if opened and opened.pop() else tag[0]
        opened.append("shadowroot" in tag[2].lower() and all(opened))
        return "<div>" if opened[-1] else tag[0]

    return _TEMPLATE.sub(swap, source)
