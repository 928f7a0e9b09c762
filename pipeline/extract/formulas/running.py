"""Superscripts and subscripts of running text."""

import re

_SUP = re.compile("\ue002([^\ue002-\ue005]*)\ue003")
_SUB = re.compile("\ue004([^\ue002-\ue005]*)\ue005")


def scripts_in_text(block: str) -> str:
    """Plain forms."""
    block = _SUP.sub(lambda m: f"^{m[1]}", block)
    block = _SUB.sub(lambda m: f"_{m[1]}", block)
    return re.sub("[\ue002-\ue005]", "", block)
