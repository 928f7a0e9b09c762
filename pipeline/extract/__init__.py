"""HTML to text that keeps the mathematics."""


def extract_text(html: bytes, url: str = "") -> str:
    """The main content of a page as Markdown-like plain text with its formulas as LaTeX, "" when it has none.

    Raises `pipeline.extract.html.LimitExceeded` on a page that passes the default limits.
    """
    from pipeline.extract.html import extract  # the first call pays for the parser, not `import pipeline.extract`

    return extract(html, url).text
