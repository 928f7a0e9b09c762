"""A model server that scores pages by a rule: `python -m support.rubric_server PORT`."""

import re
import sys
import threading

from support.chat_server import ChatServer, Reply

_FORMULA = re.compile(r"\$[^$\n]{1,300}\$")
_WORDS = ("proof", "theorem", "solve", "exercise", "therefore", "example", "equation", "definition")


def score(text: str) -> int:
    """0 to 5 by formulas and by words of reasoning."""
    formulas = len(_FORMULA.findall(text))
    words = sum(word in text.lower() for word in _WORDS)
    return min(5, min(formulas, 2) + min(words, 3))


def answer(text: str, body: dict[str, object], before: int) -> Reply:
    """As a model would that keeps to the form."""
    return Reply(f"It has so many formulas and words of reasoning.\n\n**Score:** {score(text)}")


if __name__ == "__main__":
    with ChatServer(answer, port=int(sys.argv[1])):
        print("serving", flush=True)
        threading.Event().wait()
