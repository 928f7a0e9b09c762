"""Articles read from the text files of this folder."""

from pathlib import Path

from manifests.sample.article import Article, Post

_TEXTS = Path(__file__).parent / "texts"


def read(name: str, kind: str, language: str = "en", math: bool = True) -> list[Article]:
    """The articles of `texts/<name>.md`: a line `=== slug | title | tags` opens each, wordings still open.

    In a thread a line `@@ author | votes` opens each post (a `+` after the votes marks the accepted answer) and a line
    `// text` is a comment on it.
    """
    articles: list[Article] = []
    for piece in ("\n" + (_TEXTS / f"{name}.md").read_text(encoding="utf-8")).split("\n=== ")[1:]:
        head, _, body = piece.partition("\n")
        slug, title, *tags = (part.strip() for part in head.split("|"))
        words = tuple(tags[0].split()) if tags else ()
        posts = tuple(_post(part) for part in ("\n" + body).split("\n@@ ")[1:])
        text = "" if posts else body.strip("\n")
        articles.append(Article(slug, title, text, posts, words, language, kind, math))
    return articles


def _post(part: str) -> Post:
    head, _, body = part.partition("\n")
    author, votes = (word.strip() for word in head.split("|"))
    lines = body.strip("\n").split("\n")
    comments = tuple(line[3:] for line in lines if line.startswith("// "))
    text = "\n".join(line for line in lines if not line.startswith("// "))
    return Post(author, text, int(votes.rstrip("+")), votes.endswith("+"), comments)


def lessons() -> list[Article]:
    """All lessons."""
    return [article for name in ("algebra", "analysis", "more") for article in read(f"lessons-{name}", "lesson")]


def other_languages() -> list[Article]:
    """The articles in other languages than English: `=== language | slug | title` and, for mathematics, `| math`."""
    articles: list[Article] = []
    for piece in ("\n" + (_TEXTS / "languages.md").read_text(encoding="utf-8")).split("\n=== ")[1:]:
        head, _, body = piece.partition("\n")
        language, slug, title, *rest = (part.strip() for part in head.split("|"))
        kind = "foreign-math" if rest else "foreign"
        articles.append(Article(slug, title, body.strip("\n"), language=language, kind=kind, math=bool(rest)))
    return articles
