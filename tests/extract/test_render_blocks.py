"""Markup to Markdown-like text: exact strings."""

import pytest

from pipeline.extract.html import extract

FILL = "<p>Some words before it, so that the page has a text and not only the thing that is tested here.</p>"
FILLED = "Some words before it, so that the page has a text and not only the thing that is tested here."


def rendered(html: str) -> str:
    text = extract(f"<body>{FILL}{html}</body>".encode()).text
    assert text.startswith(FILLED)
    return text.removeprefix(FILLED).lstrip("\n")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # inline: no doubled and no lost spaces
        ("<p>a<b>b</b>c <i> d </i> e</p>", "abc d e"),
        ("<p>a\n  b&nbsp;c\u2009d</p>", "a b c d"),
        ("<p><span>a</span><span>b</span> <span>c</span></p>", "ab c"),
        ("<p>see <a href=/x>the page</a>, please</p>", "see the page, please"),
        ("<p>a<br>b<br/> c</p>", "a\nb\nc"),
        ("<p>a<br><br><br>b</p>", "a\n\nb"),
        ("<p><br>a<br></p>", "a"),
        ("<p>He said <q>no</q>.</p>", "He said “no”."),
        ("<p>a <img src=x alt=picture> b</p>", "a b"),
        ("<div>a<p>b</p>c</div>", "a\n\nb\n\nc"),
        ("<span>a<div>b</div></span>c", "a\n\nb\n\nc"),
        ("<p>a<p>b", "a\n\nb"),
        ("<p>word<sup><a href='#fn1'>1</a></sup> on</p>", "word[1] on"),
        ("<p>in 1999<a href='#n'><sup>12</sup></a>, <a role=doc-noteref href='#n'>3</a></p>", "in 1999[12], [3]"),
        ("<p>read <a href='#b'><sup>more</sup></a> [<a class=footnote href='#n'>1</a>]</p>", "read more [1]"),
        ("<p>a<span class=sidenote> aside</span>, b</p>", "a (aside), b"),
        # headings
        ("<h2>A <em>b</em><br>c</h2><p>d</p>", "## A b c\n\nd"),
        ("<h6>x</h6>", "###### x"),
        ("<h3></h3><p>d</p>", "d"),
        ("<h3>____</h3><p>|</p><p>d</p>", "d"),
        # lists
        ("<ul><li>a</li><li>b</li></ul><p>c</p>", "- a\n- b\n\nc"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<ol start=9><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "9. a\n10. b\n    - c"),
        ("<ol start=x><li>a</li></ol>", "1. a"),
        ("<ul><li><p>a</p><p>b</p></li><li>c</li></ul>", "- a\n\n  b\n- c"),
        ("<ul><li></li><li>a</li></ul>", "- a"),
        ("<ul><li>a<pre>x\ny</pre></li></ul>", "- a\n\n  ```\n  x\n  y\n  ```"),
        ("<dl><dt>a</dt><dd>b</dd><dt>c</dt><dd>d<p>e</p></dd></dl>", "a\n: b\n\nc\n: d\n\n  e"),
        # quotations
        ("<blockquote>a<br>b</blockquote>", "> a\n> b"),
        ("<blockquote><p>a</p><p>b</p></blockquote><blockquote>c</blockquote>", "> a\n>\n> b\n>\n> c"),
        ("<blockquote><ul><li>a</li><li>b</li></ul></blockquote>", "> - a\n> - b"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b"),
        # code
        ("<p>call <code>f( x )</code> now</p>", "call `f( x )` now"),
        ("<p><code>a`b</code> <code> </code></p>", "`` a`b ``"),
        ("<p><code>$x$ and \\(y\\)</code></p>", "`$x$ and \\(y\\)`"),
        ("<pre>a\n  $b$  \n</pre>", "```\na\n  $b$\n```"),
        ("<pre><code class='hljs language-Python'>x = 1</code></pre>", "```python\nx = 1\n```"),
        ("<div class=highlight-c><pre>int x;</pre></div>", "```c\nint x;\n```"),
        ("<pre data-language=Rust><code>fn</code></pre>", "```rust\nfn\n```"),
        ("<pre class='src src-scheme'>(+ 1)</pre>", "```scheme\n(+ 1)\n```"),
        ("<pre data-lang='no name'>x</pre>", "```\nx\n```"),
        ("<pre>```</pre>", "````\n```\n````"),
        ("<pre>a<br>b</pre>", "```\na\nb\n```"),
        ("<pre><div>a</div><div>b</div></pre>", "```\na\nb\n```"),
        ("<pre> \n </pre>", ""),
        # details and figures
        ("<details><summary>Hint</summary><p>Try it.</p></details>", "Hint\n\nTry it."),
        ("<figure><img src=x><figcaption>A cube.</figcaption></figure>", "A cube."),
    ],
)
def test_markup(html: str, text: str) -> None:
    assert rendered(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><th>a<th>b<tr><td>1<td>2 <br>3</table>",
            "| a | b |\n| --- | --- |\n| 1 | 2 3 |",
        ),
        ("<table><tr><td>*<td>1<tr><td>1<td>-</table>", "| * | 1 |\n| --- | --- |\n| 1 | - |"),
        (
            "<table><caption>T</caption><tr><td>a<td>b<td><tr><td colspan=2>c<td></table>",
            "T\n\n| a | b |\n| --- | --- |\n| c |  |",
        ),
        ("<table><tbody><tr><td>a</td></tr><tr><td>b</td></tr></tbody></table>", "a\n\nb"),
        ("<table><tr><td>a<td>b</table>", "a\n\nb"),
        ("<table><tr><td>a<td><tr><td>b<td></table>", "a\nb"),
        ("<table role=presentation><tr><td>a<td>b<tr><td>c<td>d</table>", "a\n\nb\n\nc\n\nd"),
        ("<table><tr><td><h2>a</h2><td>b<tr><td>c<td>d</table>", "## a\n\nb\n\nc\n\nd"),
        ("<table><tr><td>a<td><ul><li>b</ul><tr><td>c<td>d</table>", "a\n\n- b\n\nc\n\nd"),
        (
            "<table><tr><th>a<td><ul><li>b<li>c</ul><tr><td>d<td>e</table>",
            "| a | - b - c |\n| --- | --- |\n| d | e |",
        ),
        ("<table><tr><td class=gutter><pre>1</pre><td class=code><pre>x</pre></table>", "```\nx\n```"),
        ("<table><tr><td>\\(x\\)<td>$$y$$<tr><td>c<td>d</table>", "| $x$ | $$y$$ |\n| --- | --- |\n| c | d |"),
    ],
)
def test_tables(html: str, text: str) -> None:
    assert rendered(html) == text


def test_preformatted_prose_is_running_text() -> None:
    text = (
        "We have seen that $x$ is not a number,\nand that is why the proof goes on and on\nuntil it ends.\n\nSo it is."
    )
    assert rendered(f"<pre>{text}\n</pre>".replace("$x$", "\\(x\\)")) == text


def test_display_formulas_stand_on_lines_of_their_own() -> None:
    assert rendered("<ul><li>so \\[x=1\\] holds</li></ul>") == "- so\n  $$x=1$$\n  holds"


def test_a_formula_may_span_inline_elements() -> None:
    assert rendered("<p>is $a_{<span>n</span>}$ here</p>") == "is $a_{n}$ here"


def test_posts_are_separated_and_the_heading_of_a_thread_is_kept() -> None:
    post = "<div class=post><p>{} has been said here in so many words, and more could be said about it.</p></div>"
    html = f"<header><h1>Title</h1></header><div>{post.format('One')}{post.format('Two')}</div>"
    one, two = (f"{n} has been said here in so many words, and more could be said about it." for n in ("One", "Two"))
    assert extract(html.encode()).text == f"# Title\n\n{one}\n\n---\n\n{two}"


def test_posts_in_a_list_are_posts_and_answers_in_a_list_are_items() -> None:
    said = "has been said here in so many words, and more could be said about it."
    post = f"<li class=post><blockquote class=postcontent>{{}} {said}</blockquote></li>"
    html = f"<ol>{post.format('One')}{post.format('Two')}</ol>"
    assert extract(html.encode()).text == f"One {said}\n\n---\n\nTwo {said}"
    assert rendered("<ol><li class=answer>a</li><li class=answer>b</li></ol>") == "1. a\n2. b"
