"""Why a page gave the text it gave: where its content was found, each formula's encoding, what was left out and why."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.extract.content_outline import Outline
from pipeline.extract.formulas import Formula
from pipeline.extract.html import Limits, Page, read

_SHOWN = 60  # characters of a text or a formula in the report


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the body that was left out: the reason, the element, how long its text is and how it begins."""

    reason: str
    element: str
    characters: int
    begins: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A page with how it was read. `content` is the way from the body to the element that was chosen, "" for none."""

    page: Page
    content: str
    formulas: list[Formula]
    left_out: list[LeftOut]


def explain(html: bytes, url: str = "", charset: str | None = None, limits: Limits | None = None) -> Explanation:
    """Read a page as `extract` does, and tell what was decided. Raises LimitExceeded as it does."""
    reading = read(html, charset, limits or Limits())
    page, choice = reading.outline, reading.choice
    if choice is None:
        return Explanation(reading.page, "", [], [])
    way = [choice.root]
    while way[-1]:
        way.append(page.parents[way[-1]])
    parts = []
    for i, reason in sorted(choice.left_out.items()):
        text = " ".join("".join(page.texts[i : page.ends[i]]).split())
        parts.append(LeftOut(reason, _element(page, i), len(text), text[:_SHOWN]))
    content = " > ".join(_element(page, i) for i in reversed(way))
    return Explanation(reading.page, content, list(reading.formulas), parts)


def _element(page: Outline, i: int) -> str:
    """An element as a selector would name it."""
    given = page.attributes[i]
    identity = f"#{given['id']}" if given.get("id") else ""
    classes = "".join(f".{name}" for name in (given.get("class") or "").split()[:3])
    return f"{page.tags[i]}{identity}{classes}"


def as_json(explanation: Explanation) -> dict[str, Any]:
    """What was decided, without the page, as JSON."""
    return {
        "content": explanation.content,
        "formulas": [
            {"encoding": formula.encoding, "display": formula.display, "tex": formula.tex}
            for formula in explanation.formulas
        ],
        "left_out": [asdict(part) for part in explanation.left_out],
    }


def report(explanation: Explanation) -> str:
    """An explanation as text for a terminal."""
    lines = [f"title     {explanation.page.title}", f"content   {explanation.content or 'none'}"]
    lines.append(f"formulas  {len(explanation.formulas)}")
    for formula in explanation.formulas:
        kind = "display" if formula.display else "inline"
        lines.append(f"  {formula.encoding:24} {kind:8} {' '.join(formula.tex.split())[:_SHOWN]}")
    lines.append(f"left out  {len(explanation.left_out)}")
    lines += [f"  {part.reason:24} {part.characters:8} {part.element}  {part.begins}" for part in explanation.left_out]
    return "\n".join(lines)
