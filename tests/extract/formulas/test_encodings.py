"""One small page per way of writing formulas, with its exact text."""

import pytest
from extract.formulas.pages import formulas_of, text_of

KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi>'
    '<annotation encoding="application/x-tex">'
    'x^2</annotation></semantics></math></span><span class="katex-html" aria-hidden="true">x2</span></span>'
)
WIKI = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none"><math alttext="'
    '{\\displaystyle E=mc^{2}}"><semantics><mi>E</mi><annotation encoding="application/x-tex">{\\displaystyle E=mc^{2}}'
    '</annotation></semantics></math></span><img src="https://example.org/9f" class="mwe-math-fallback-image-inline"'
    ' alt="{\\displaystyle E=mc^{2}}"></span>'
)
COMMON_HTML = (
    '<span class="mjpage"><span class="mjx-chtml"><span class="mjx-math"><span class="mjx-mrow">'
    '<span class="mjx-msubsup">'
    '<span class="mjx-base"><span class="mjx-mi"><span class="mjx-char MJXc-TeX-math-I">x</span></span></span>'
    '<span class="mjx-sup"><span class="mjx-mn"><span class="mjx-char MJXc-TeX-main-R">2</span></span></span></span>'
    "</span></span></span></span>"
)
GROUP = (
    '<table class="ltx_equationgroup"><tr><td><math alttext="\\displaystyle a"><mi>a</mi></math></td>'
    '<td><math alttext="\\displaystyle=b"><mi>b</mi></math></td><td class="ltx_eqn_eqno">(1)</td></tr>'
    '<tr><td></td><td><math alttext="\\displaystyle=c"><mi>c</mi></math></td></tr></table>'
)
ASSISTIVE = (
    '<mjx-container jax="SVG" display="true"><svg></svg><mjx-assistive-mml><math display="block"><mi>a</mi></math>'
    "</mjx-assistive-mml></mjx-container>"
)

MATHJAX = '<script src="https://example.org/MathJax.js"></script>'

PAGES = {
    "mathml_annotation": (
        "<p>A <math><semantics><mi>x</mi>"
        '<annotation encoding="application/x-tex">x_0</annotation></semantics></math></p>',
        "A $x_0$",
    ),
    "mathml_alttext": ('<p><math alttext="\\displaystyle x%&#10;+y" display="block"><mi>x</mi></math></p>', "$$x+y$$"),
    "mathml_alttext in TeX's own commands": (
        '<p><math alttext="f\\penalty 0\\@m{}M"><mi>f</mi><mo>:</mo></math></p>',
        "$f:$",
    ),
    "mathml_alttext in words": (
        '<p><math alttext="the square root"><msqrt><mn>2</mn></msqrt></math></p>',
        "$\\sqrt{2}$",
    ),
    "mathml with a prefix": ("<p><mml:math><mml:mi>x</mml:mi></mml:math></p>", "$x$"),
    "katex_annotation": (f"<p>A {KATEX} b</p>", "A $x^2$ b"),
    "katex_display": (f'<p>A <span class="katex-display">{KATEX}</span> b</p>', "A\n$$x^2$$\nb"),
    "katex_error": ('<p><span class="katex-error" title="ParseError">\\foo{x}</span></p>', "$\\foo{x}$"),
    "mathjax2_script": (
        '<p>A <span class="MathJax_Preview">x2</span><span class="MathJax">x2</span>'
        '<script type="math/tex">x^2</script> b</p>',
        "A $x^2$ b",
    ),
    "mathjax2_script display": (
        '<p>A <span class="MathJax_Preview"></span><div class="MathJax_Display">y</div>'
        '<script type="math/tex; mode=display">% <![CDATA[\ny = x < 1 %]]></script> b',
        "A\n$$y = x < 1$$\nb",
    ),
    "mathjax2_asciimath": ('<p><script type="math/asciimath">i^2/2</script></p>', "$\\frac{i^2}{2}$"),
    "mathjax2_mml": (
        '<p><script type="math/mml"><math><msup><mi>x</mi><mn>2</mn></msup></math></script></p>',
        "$x^2$",
    ),
    "mathjax2_label": (
        '<p><span class="MathJax_SVG"><svg><title>\\frac{a}{b}</title></svg></span></p>',
        "$\\frac{a}{b}$",
    ),
    "mathjax2_label that is speech": (
        COMMON_HTML.replace('"mjx-math"', '"mjx-math" aria-label="x squared"'),
        "$x^2$",
    ),
    "mathjax2_rendered": (f"<p>{COMMON_HTML}</p>", "$x^2$"),
    "mathjax_data_latex": (
        '<p><mjx-container><mjx-math data-latex="a+b"><mjx-mi></mjx-mi></mjx-math></mjx-container></p>',
        "$a+b$",
    ),
    "mathjax3_assistive": (f"<p>A {ASSISTIVE}</p>", "A\n$$a$$"),
    "mediawiki": (f"<p>A {WIKI} b</p>", "A $E=mc^{2}$ b"),
    "image_alt": (
        '<p><img src="https://s0.wp.com/latex.php?latex=%5Calpha" alt="\\alpha" class="latex"> b</p>',
        "$\\alpha$ b",
    ),
    "image_alt of Doxygen": ('<p>A <img class="formulaInl" alt="$ \\mathbf{M} $" src="f.png"></p>', "A $\\mathbf{M}$"),
    "image_alt of Doxygen, display": (
        '<p>A <img class="formulaDsp" alt="\\[ x = 1 \\]" src="f.png"></p>',
        "A\n$$x = 1$$",
    ),
    "image_url of mimeTeX": ('<p>A <img src="/cgi-bin/mimetex.cgi?\\frac{1}{2}"></p>', "A $\\frac{1}{2}$"),
    "image_url of CodeCogs": (
        '<p>A <img src="https://latex.codecogs.com/svg.latex?%5Cinline%20%5Csqrt%7Bx%7D"></p>',
        "A $\\sqrt{x}$",
    ),
    "image_url of Google": ('<p>A <img src="https://chart.example.com/chart?cht=tx&chl=a%2Bb"></p>', "A $a+b$"),
    "no formula in a photograph": ('<p>A <img src="photo.jpg" alt="A photo of x"> b</p>', "A b"),
    "span_math of Pandoc": (
        '<p>A <span class="math inline">\\(x\\)</span> <span class="math display">\\[y\\]</span></p>',
        "A $x$\n$$y$$",
    ),
    "span_math without delimiters": ('<p>A <span class="math inline">x_1</span></p>', "A $x_1$"),
    "span_math in HTML": ('<p>A <span class="math inline"><em>x</em><sub>1</sub></span></p>', "A $x_1$"),
    "sphinx with a number": (
        '<div class="math notranslate nohighlight"><span class="eqno">(1)</span>\\[a = b\\]</div>',
        "$$a = b$$",
    ),
    "distill": ("<p>A <d-math block>\\int f</d-math> <dt-math>\\star</dt-math></p>", "A\n$$\\int f$$\n$\\star$"),
    "code_math": ('<p>A <code class="language-math">x^2</code></p>', "A $x^2$"),
    "data_attribute": ('<p>A <span class="ztext-math" data-tex="e^{x}"><span>ex</span></span></p>', "A $e^{x}$"),
    "data_attribute around KaTeX": (
        f'<p><span class="math-inline" data-math="\\forall x">{KATEX}</span></p>',
        "$\\forall x$",
    ),
    "data_attribute that is none": ('<p><span data-math="true" data-value="12">text</span></p>', "text"),
    "data_mathml": (
        '<p><span class="MathJax" data-mathml="&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;">x</span></p>',
        "$x$",
    ),
    "html_math": ('<p>A <span class="texhtml"><i>a</i><sub>1</sub> + <b>v</b></span></p>', "A $a_1+\\mathbf{v}$"),
    "latexml group": (GROUP, "$$\\begin{aligned}a & =b \\\\ & =c\\end{aligned}$$"),
    "bbcode": ("<p>B [tex]x^2[/tex], [math]y[/math]</p>", "B $x^2$, $y$"),
    "wordpress_text": ("<p>W $latex e^x$ b</p>", "W $e^x$ b"),
    "pretext punctuation": ("<p>P \\(x\\text{,}\\) then</p>", "P $x$, then"),
    "configured delimiters": (
        "<script>MathJax = {tex: {inlineMath: [['$','$'],['!!','!!']], macros: {RR: '\\\\mathbb{R}'}}}</script>"
        "<p>$ x \\in \\RR $ or !!y!!</p>",
        "$x \\in \\mathbb{R}$ or $y$",
    ),
    "asciimath": ('<script src="ASCIIMathML.js"></script><p>so `x/2` is</p>', "so $\\frac{x}{2}$ is"),
    "no asciimath": ("<p>so `x/2` is</p>", "so `x/2` is"),
    "macros in the text": ("<p>\\(\\newcommand{\\R}{\\mathbb{R}}\\)A \\(\\R^2\\)</p>", "A $\\mathbb{R}^2$"),
    "Markdown's emphasis": (f"{MATHJAX}<p>We $a<em>i$ and $b</em>j$ meet</p>", "We $a_i$ and $b_j$ meet"),
    "display in paragraphs": (
        MATHJAX + "<p>\\begin{align}</p><p>a&amp;=b\\\\</p><p>c&amp;=d</p><p>\\end{align}</p>",
        "$$\\begin{aligned} a&=b\\\\ c&=d \\end{aligned}$$",
    ),
    "comment in a display": (MATHJAX + "<p>$$ x = 1 % note\n + 2 $$</p>", "$$x = 1 + 2$$"),
}


@pytest.mark.parametrize("name", PAGES)
def test_text_of_a_page(name: str) -> None:
    page, text = PAGES[name]
    assert text_of(page) == text


@pytest.mark.parametrize(
    "name", [name for name in PAGES if " " not in name and name not in ("katex_display", "html_math")]
)
def test_encodings_are_named(name: str) -> None:
    found = formulas_of(PAGES[name][0])
    assert not found or found[0].encoding == name


def test_code_keeps_its_source() -> None:
    from selectolax.lexbor import LexborHTMLParser

    from pipeline.extract.formulas import lift

    tree = LexborHTMLParser("<pre>a <math><mi>x</mi></math> $5</pre>")
    found = lift(tree)
    assert tree.body is not None
    assert found.source(tree.body.text()) == "a x $5"
