"""What a page says, apart from how it looks: articles and threads written in a small Markdown.

The text of a page is written once, with formulas in `$…$` and `$$…$$`; a shell (see shells.py) turns it into HTML in
the encoding of its site. The formulas in reading order are the page's gold.

The Markdown: `## ` and `### ` headings, `- ` and `1. ` lists, `|` tables (first row is the header), ``` fences,
`:: Theorem (Name). text` for environments, a line `$$…$$` for a display, blank lines between paragraphs; inside a line
`**bold**`, `*emphasis*`, `` `code` ``, `[text](path)` and `$tex$`. A `¤` is written as a dollar that is money.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape

_INLINE = re.compile(r"\$([^$]+)\$|`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)]+)\)")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$")
_CHOICE = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


@dataclass(frozen=True)
class Post:
    """A question, an answer or a message of a thread."""

    author: str
    text: str
    votes: int = 0
    accepted: bool = False
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Article:
    """A page's own content. `posts` is empty but for threads, whose text is empty."""

    slug: str
    title: str
    text: str = ""
    posts: tuple[Post, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = "en"
    kind: str = "lesson"
    math: bool = True
    series: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def sources(self) -> list[str]:
        """Every piece of small Markdown on the page, in reading order."""
        if not self.posts:
            return [self.text]
        pieces: list[str] = []
        for post in self.posts:
            pieces += [post.text, *post.comments]
        return pieces

    def formulas(self) -> list[dict[str, str | bool]]:
        """The gold formulas in reading order: `{"tex", "display"}`."""
        found: list[dict[str, str | bool]] = []
        for text in self.sources():
            for match in _FORMULA.finditer(without_code(text)):
                found.append({"tex": (match[1] or match[2]).strip(), "display": match[1] is not None})
        return found


def without_code(text: str) -> str:
    """`text` without fenced and inline code, where a dollar is only a dollar."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`", "", text)


def choose(text: str, pick: Callable[[list[str]], str]) -> str:
    """`text` with every `[[one||another]]` replaced by one of its wordings."""
    return _CHOICE.sub(lambda match: pick(match[1].split("||")), text)


def fill(text: str, values: dict[str, object]) -> str:
    """`text` with every `<<name>>` replaced by its value. KeyError for a name without one."""
    return re.sub(r"<<(\w+)>>", lambda match: str(values[match[1]]), text)


@dataclass
class Renderer:
    """Small Markdown to HTML in one encoding; counts the formulas of its page."""

    formula: Callable[[str, bool, int], str]
    theorem: str = "div"
    money: str = "$"
    count: int = 0

    def math(self, tex: str, display: bool) -> str:
        """One formula in this page's encoding."""
        self.count += 1
        return self.formula(tex.strip(), display, self.count)

    def inline(self, text: str) -> str:
        """One line of small Markdown as HTML."""
        out, last = "", 0
        for match in _INLINE.finditer(text):
            out += self._text(text[last : match.start()]) + self._span(match)
            last = match.end()
        return out + self._text(text[last:])

    def _text(self, text: str) -> str:
        return escape(text, quote=False).replace("¤", self.money)

    def _span(self, match: re.Match[str]) -> str:
        tex, code, bold, emphasis, label, target = match.groups()
        if tex is not None:
            return self.math(tex, False)
        if code is not None:
            return f"<code>{escape(code, quote=False)}</code>"
        if bold is not None:
            return f"<strong>{self.inline(bold)}</strong>"
        if emphasis is not None:
            return f"<em>{self.inline(emphasis)}</em>"
        return f'<a href="{escape(target)}">{self.inline(label)}</a>'

    def blocks(self, text: str) -> str:
        """Small Markdown of any length as HTML blocks, one per line."""
        return "\n".join(self._block(lines) for lines in _split(text))

    def _block(self, lines: list[str]) -> str:
        first = lines[0]
        if first.startswith("```"):
            language = first[3:].strip()
            kind = f' class="language-{language}"' if language else ""
            return f"<pre><code{kind}>{escape(chr(10).join(lines[1:-1]), quote=False)}</code></pre>"
        if first.startswith("#"):
            level = len(first) - len(first.lstrip("#"))
            return f"<h{level}>{self.inline(first.lstrip('# '))}</h{level}>"
        if first.startswith("$$"):
            return self._display(" ".join(lines))
        if first.startswith("|"):
            return self._table(lines)
        if first.startswith("- "):
            return "<ul>\n" + "\n".join(f"<li>{self.inline(item[2:])}</li>" for item in lines) + "\n</ul>"
        if re.match(r"\d+\. ", first):
            items = (self.inline(item.split(". ", 1)[1]) for item in lines)
            return "<ol>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ol>"
        if first.startswith(":: "):
            return self._environment(" ".join(lines)[3:])
        return f"<p>{self.inline(' '.join(lines))}</p>"

    def _display(self, text: str) -> str:
        tex, _, tail = text[2:].partition("$$")
        html = self.math(tex, True)
        if not html.startswith(("<p", "<div", "<table", "<blockquote")):
            html = f"<p>{html}</p>"
        return html if not tail.strip() else f"{html}\n<p>{self.inline(tail.strip())}</p>"

    def _environment(self, text: str) -> str:
        head, body = text.split(". ", 1)
        kind = head.split()[0].lower()
        end = ' <span class="qed">∎</span>' if kind == "proof" else ""
        tag = self.theorem
        return f'<{tag} class="{kind}"><p><b>{self.inline(head)}.</b> {self.inline(body)}{end}</p></{tag}>'

    def _table(self, lines: list[str]) -> str:
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        head = "".join(f"<th>{self.inline(cell)}</th>" for cell in rows[0])
        body = "\n".join(
            "<tr>" + "".join(f"<td>{self.inline(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:]
        )
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _kind(line: str) -> str:
    for mark in ("#", "$$", "|", "- ", ":: "):
        if line.startswith(mark):
            return mark
    return "1." if re.match(r"\d+\. ", line) else "p"


def _split(text: str) -> Iterator[list[str]]:
    """The lines of each block; lists and tables end with their last item, displays and headings are one line."""
    block: list[str] = []
    for line in text.strip("\n").split("\n"):
        if block and block[0].startswith("```"):
            block.append(line)
            if line.startswith("```"):
                yield block
                block = []
            continue
        line = line.strip() if not line.startswith("```") else line
        kind = _kind(line)
        single = bool(block) and _kind(block[0]) in {"#", "$$"}
        opens = kind in {"#", "$$", ":: "} or line.startswith("```")
        if block and (not line or single or opens or kind != _kind(block[0])) and not _continues(block, kind, line):
            yield block
            block = []
        if line:
            block.append(line)
    if block:
        yield block


def _continues(block: list[str], kind: str, line: str) -> bool:
    """A plain line after an environment's first line belongs to it."""
    return bool(line) and kind == "p" and _kind(block[0]) == ":: " and not line.startswith("```")
