"""Hostile pages: bounded, linear, and refused with a reason or read to the end."""

import subprocess
import sys
import time

import pytest

from pipeline.extract.html import LimitExceeded, Limits, extract

MANY = 100_000
DEFAULTS = Limits()


def refused(html: str | bytes, limits: Limits = DEFAULTS) -> str:
    with pytest.raises(LimitExceeded) as caught:
        extract(html.encode() if isinstance(html, str) else html, limits=limits)
    assert caught.value.value.isdigit()
    return caught.value.reason


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * MANY, "too_deep"),
        ("<ul><li>" * MANY, "too_deep"),
        ("<table><tr><td>" * MANY, "too_deep"),
        ("<math>" + "<mrow>" * MANY, "too_deep"),
        ("<x-y>" * 2000, "too_deep"),
        ("<p>" + "".join(f"<b c={n}>" for n in range(2000)) + "<p>x" * 2000, "too_many_nodes"),
        ("<p>" + "".join(f"<b c={n}>" for n in range(MANY)), "too_deep"),
        ("<p " + " ".join(f"a{n}=1" for n in range(MANY)) + ">", "too_many_attributes"),
        ("<p " + " ".join(f'a{n}=">"' for n in range(MANY)) + ">", "too_many_attributes"),
        ("<br>" * 600_000, "too_many_nodes"),
        ("<br>" * 2_100_000, "too_many_nodes"),
        (b"x" * (10 << 20) + b"x", "too_large"),
    ],
)
def test_refused(html: str | bytes, reason: str) -> None:
    assert refused(html) == reason


def test_limits_are_settings() -> None:
    assert refused("<p>" * 20, Limits(nodes=10)) == "too_many_nodes"
    assert refused("<div>" * 20, Limits(depth=10)) == "too_deep"
    assert refused("<p>" + "word " * 20, Limits(text_chars=50)) == "text_too_long"
    assert refused("<p>12345", Limits(page_bytes=5)) == "too_large"
    assert extract(b"<div><p>" * 4 + b"text", limits=Limits(depth=10)).text == "text"


@pytest.mark.parametrize(
    "html",
    [
        "<span>x</span>" * MANY,
        "<p>Some words.</p>" * 20_000,
        "<ol>" + "<li>x</li>" * 20_000,
        "<select>" + "<option>x" * MANY,
        "<table>" + "<tr><td>a<td>b" * 5_000,
        "<div class='" + "a " * MANY + "'><p>text</p></div>",
        "<b>" * 900 + "<p>x",
        "&lt;" * MANY,
        "<" * MANY,
        "</div>" * MANY,
        "<p>" + "$ " * 20_000,
        "<!--" + "<div>" * MANY,
        "<div class=post>A post.</div>" * 10_000,
        "<pre>" + "<span>x</span>\n" * 20_000,
        "<svg>" + "<g/>" * 20_000,
    ],
)
def test_read_in_time_that_is_in_proportion(html: str) -> None:
    begun = time.process_time()
    extract(html.encode())
    assert time.process_time() - begun < 10  # two hundred times what it takes: a square would be far above


def test_nothing_ends_the_process() -> None:
    """Broken bytes and trees that have crashed parsers; in a process of its own, whose end would be seen."""
    program = """
import random
from pipeline.extract.html import LimitExceeded, extract
chance = random.Random(7)
parts = (
    "<p>|</p>|<div class=post>|</div>|<table>|<tr>|<td>|</table>|<b>|</b>|<math>|<mi>x</mi>|</math>|<svg>|</svg>"
    "|<script>|</script>|<template>|</template>|<ul>|<li>|<span class=katex>|</span>|<a href=#>|</a>|text |\\\\(x\\\\)"
    "|$y$|<pre>|</pre>|<code>|<select><option>|</body>|<frameset>|<!--|-->|<![CDATA[|\\x00|\\udcff|<sup>|<noscript>"
    "|<img alt='$x$'>|<nav>|<script type=math/tex>|<h1>|<details>|<mjx-container>|<form>|<br>|&#0;"
).split("|")
for _ in range(1500):
    html = "".join(chance.choice(parts) for _ in range(chance.randrange(60)))
    try:
        extract(html.encode("utf-8", "surrogatepass"))
    except LimitExceeded:
        pass
for _ in range(300):
    extract(chance.randbytes(chance.randrange(2000)))
print("done")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == "done\n"
