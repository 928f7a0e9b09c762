"""A synthetic language: most tokens are easy, some are a coin's toss, and one in a line needs a short computation.

A line tells of a walk: `from 6 by prqpsr to 4.` Digits are states, each letter is a fixed permutation of them, and the
last digit is where the letters lead from the first, one after the other. A forward pass of few layers cannot follow so
many permutations, since each one has to wait for the one before it; a thought that writes every state down can, since
each is then one look-up away from the one before. In some documents, which say so in their first line, the states
stand in brackets before the last digit: `from 6 by prqpsr to (251843) 3.`

The words are easy. The opening (ln 2 = 0.69 nats), the start and the letters (ln 4 = 1.39 nats each) cannot be known by
whatever thought, and the last digit looks like ln 10 = 2.30 nats to whoever does not compute it.
"""

import random
from dataclasses import dataclass
from pathlib import Path

STATES = "0123456789"
STARTS = "2468"
LETTERS = "pqrs"
OPENINGS = ("from", "at")
TITLE = "shown\n"
"""First line of a document in which lines show their states."""
SHOWN_LINES = 0.6
"""Share of its lines that do."""
CHARACTERS = "".join(sorted({*STATES, *LETTERS, *"".join(OPENINGS), *TITLE, *" by to .\n()"}))
_TABLE_SEED = 20250611


def permutations() -> dict[str, str]:
    """Each letter's permutation of the states: `permutations()["p"][3]` is where 3 goes. Always the same ones."""
    rng = random.Random(_TABLE_SEED)
    return {letter: "".join(rng.sample(STATES, len(STATES))) for letter in LETTERS}


_TABLE = permutations()


@dataclass(frozen=True)
class Walk:
    """What a line tells."""

    opening: str
    start: str
    letters: str

    @property
    def states(self) -> str:
        """The state behind each letter."""
        state, states = self.start, ""
        for letter in self.letters:
            state = _TABLE[letter][int(state)]
            states += state
        return states

    @property
    def question(self) -> str:
        """The line up to its last digit."""
        return f"{self.opening} {self.start} by {self.letters} to "

    def line(self, shown: bool = False) -> str:
        """The whole line, with or without its states."""
        states = self.states
        return f"{self.question}({states}) {states[-1]}.\n" if shown else f"{self.question}{states[-1]}.\n"


def draw_walk(rng: random.Random, num_letters: int) -> Walk:
    """A random walk."""
    letters = "".join(rng.choices(LETTERS, k=num_letters))
    return Walk(rng.choice(OPENINGS), rng.choice(STARTS), letters)


def document(rng: random.Random, num_lines: int, num_letters: int, titled: bool = False) -> str:
    """A text of some lines; of a `titled` one most lines, at random, show their states."""
    lines = [draw_walk(rng, num_letters).line(titled and rng.random() < SHOWN_LINES) for _ in range(num_lines)]
    return (TITLE if titled else "") + "".join(lines)


def save_tokenizer(folder: Path) -> None:
    """One token per character, byte-level as Llama-3's."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as Decoder
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import PreTrainedTokenizerFast

    split = ByteLevel(add_prefix_space=False, use_regex=False)
    ((spelled, _),) = split.pre_tokenize_str(CHARACTERS)
    vocabulary = {"<pad>": 0, "<eos>": 1, **{letter: place + 2 for place, letter in enumerate(spelled)}}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = split, Decoder()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>").save_pretrained(folder)
