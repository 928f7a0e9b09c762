"""Labelled pages from our own sentences, lists of words and templates. A page depends on its seed and number alone."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from classifiers.seed.formulas import formula_passage
from classifiers.seed.numbers import code_passage, number_passage
from classifiers.seed.problems import problem

_FOLDER = Path(__file__).parent
_NAMES = (
    "Anna Ben Carla David Elena Farid Grace Hugo Ines Jamal Kofi Lena Mia Noah Olga Priya Quinn Rosa Sam Tara Uma "
    "Viktor Wendy Xin Yusuf Zoe mathfan42 night_owl jdoe77 guest admin bluebird"
).split()
_PLACES = "London,Ohio,Lagos,Berlin,Texas,Mumbai,Sydney,Oslo,Toronto,Nairobi,Seoul,Lima".split(",")
_RELATIVES = "son daughter brother teacher friend neighbor boss mother tutor colleague".split()
_MONTHS = "January February March April May June July August September October November December".split()
_APPLIED = (
    "chemistry",
    "physics in words",
    "transport and engineering",
    "personal finance",
    "artificial intelligence news",
)


class Topic(NamedTuple):
    """A subject: its nouns, adjectives, verbs and sentences."""

    name: str
    nouns: tuple[str, ...]
    adjectives: tuple[str, ...]
    verbs: tuple[str, ...]
    sentences: tuple[str, ...]


class Page(NamedTuple):
    """A generated page; `kind` names the generator and the topic."""

    text: str
    label: str
    kind: str


def read_topics(name: str) -> list[Topic]:
    """The topics of a file of this folder: `# name`, then lines `n:`, `a:`, `v:` and `s:`."""
    topics = []
    for block in (_FOLDER / name).read_text(encoding="utf-8").split("# ")[1:]:
        title, *lines = block.strip().splitlines()
        parts: dict[str, list[str]] = {"n": [], "a": [], "v": [], "s": []}
        for line in lines:
            key, value = line.split(": ", 1)
            parts[key] += [value] if key == "s" else value.split(", ")
        topics.append(Topic(title, *(tuple(parts[key]) for key in "navs")))
    return topics


def read_frames() -> dict[str, tuple[str, ...]]:
    """Templates by kind; the same ones serve every label, so that they say nothing about it."""
    blocks = (_FOLDER / "frames.txt").read_text(encoding="utf-8").split("# ")[1:]
    return {block.split("\n", 1)[0]: tuple(block.strip().splitlines()[1:]) for block in blocks}


class Writer:
    """Writes pages on topics."""

    def __init__(self) -> None:
        self.topics = {"math": read_topics("math_topics.txt"), "other": read_topics("other_topics.txt")}
        self._frames = read_frames()
        self._paragraphs = {
            name: (_FOLDER / file).read_text(encoding="utf-8").strip().split("\n\n")
            for name, file in (
                ("math", "math_prose.txt"),
                ("other", "other_prose.txt"),
                ("foreign", "other_foreign.txt"),
            )
        }

    def page(self, label: str, seed: int) -> Page:
        """The page number `seed` of a label."""
        rng = random.Random(f"{label} {seed}")
        topics = self.topics[label]
        topic = topics[seed % len(topics)]
        kinds: list[Callable[[random.Random, Topic], list[str]]] = [self._article, self._forum, self._listing]
        if label == "math":
            kinds += [self._problems, self._prose, self._formulas, self._formulas, self._applied]
        else:
            kinds += [self._numbers, self._numbers, self._prose, self._prose, self._navigation]
        kind = rng.choice(kinds)
        body = kind(rng, topic)
        if rng.random() < 0.6:
            furniture = [
                self._fill(rng, rng.choice(self._frames["furniture"]), topic) for _ in range(rng.randint(1, 5))
            ]
            cut = rng.randint(0, len(furniture))
            body = furniture[:cut] + body + furniture[cut:]
        text = rng.choice(("\n\n", "\n\n", "\n")).join(body)
        return Page(text, label, f"{kind.__name__.strip('_')} {topic.name}")

    def _fill(self, rng: random.Random, template: str, topic: Topic) -> str:
        def slot(match: re.Match[str]) -> str:
            key = match[1]
            if key[0] in "nN" and (len(key) == 1 or key[1].isdigit()):
                noun = rng.choice(topic.nouns)
                return noun[0].upper() + noun[1:] if key[0] == "N" else noun
            values: dict[str, Callable[[], str]] = {
                "a": lambda: rng.choice(topic.adjectives),
                "a2": lambda: rng.choice(topic.adjectives),
                "v": lambda: rng.choice(topic.verbs),
                "V": lambda: rng.choice(topic.verbs).capitalize(),
                "who": lambda: rng.choice(_NAMES),
                "place": lambda: rng.choice(_PLACES),
                "relative": lambda: rng.choice(_RELATIVES),
                "int": lambda: str(int(10 ** rng.uniform(0.2, 3.5))),
                "year": lambda: str(rng.randint(1850, 2027)),
                "date": lambda: f"{rng.choice(_MONTHS)} {rng.randint(1, 28)}, {rng.randint(2001, 2027)}",
                "time": lambda: f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}",
            }
            return values[key]()

        return re.sub(r"\{([A-Za-z]+\d?)\}", slot, template)

    def _paragraph(self, rng: random.Random, topic: Topic, frames: str) -> str:
        sentences = []
        for _ in range(rng.randint(2, 6)):
            own = rng.random() < 0.5
            sentences.append(
                rng.choice(topic.sentences) if own else self._fill(rng, rng.choice(self._frames[frames]), topic)
            )
        return " ".join(dict.fromkeys(sentences))

    def _article(self, rng: random.Random, topic: Topic) -> list[str]:
        title = self._fill(
            rng, rng.choice(("# {N}", "# {N} and {n2}", "{N}: {n2}", "What is {n}?", "## The {a} {n}")), topic
        )
        lesson = topic in self.topics["math"] and rng.random() < 0.5
        frames = "lesson" if lesson else "article"
        return [title] + [self._paragraph(rng, topic, frames) for _ in range(rng.randint(2, 9))]

    def _forum(self, rng: random.Random, topic: Topic) -> list[str]:
        posts = []
        for _ in range(rng.randint(2, 6)):
            if rng.random() < 0.6:
                posts.append(self._fill(rng, "{who} wrote: {date}, {time}", topic))
            posts.append(self._paragraph(rng, topic, "forum"))
            if topic in self.topics["math"] and rng.random() < 0.5:
                posts.append(rng.choice((problem, formula_passage))(rng))
        return posts

    def _prose(self, rng: random.Random, topic: Topic) -> list[str]:
        name = "math" if topic in self.topics["math"] else "foreign" if rng.random() < 0.12 else "other"
        body = rng.sample(self._paragraphs[name], rng.randint(1, 5))
        return body + [self._paragraph(rng, topic, "article") for _ in range(rng.randint(0, 1))]

    def _navigation(self, rng: random.Random, topic: Topic) -> list[str]:
        lines = rng.choices(self._frames["furniture"], k=rng.randint(2, 14))
        return [self._fill(rng, line, topic) for line in lines]

    def _listing(self, rng: random.Random, topic: Topic) -> list[str]:
        frame = rng.choice(self._frames["list"])
        items = [self._fill(rng, frame, topic) for _ in range(rng.randint(4, 20))]
        return ["\n".join(items), self._paragraph(rng, topic, "article")]

    def _numbers(self, rng: random.Random, topic: Topic) -> list[str]:
        body = [number_passage(rng) for _ in range(rng.randint(1, 4))]
        return body + [self._paragraph(rng, topic, "article") for _ in range(rng.randint(0, 3))]

    def _problems(self, rng: random.Random, topic: Topic) -> list[str]:
        body = [problem(rng) for _ in range(rng.randint(1, 8))]
        if rng.random() < 0.5:
            body = [f"{number}. {text}" for number, text in enumerate(body, 1)]
        return body + [self._paragraph(rng, topic, "lesson") for _ in range(rng.randint(0, 2))]

    def _applied(self, rng: random.Random, topic: Topic) -> list[str]:
        """Formulas among words of a subject that uses them: the formulas decide."""
        subject = rng.choice([other for other in self.topics["other"] if other.name in _APPLIED])
        body = []
        for _ in range(rng.randint(2, 6)):
            body.append(self._paragraph(rng, rng.choice((subject, topic)), "article"))
            body.append(" ".join(formula_passage(rng) for _ in range(rng.randint(1, 3))))
        return body

    def _formulas(self, rng: random.Random, topic: Topic) -> list[str]:
        body = []
        for _ in range(rng.randint(1, 6)):
            body.append(formula_passage(rng))
            if rng.random() < 0.7:
                body.append(self._paragraph(rng, topic, "lesson"))
            if rng.random() < 0.06:
                body.append(code_passage(rng))
        return body
