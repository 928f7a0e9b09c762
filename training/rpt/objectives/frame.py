"""A template around a document: the ids before and behind the context, and the predictions in drawn responses."""

from collections.abc import Sequence

from training.rpt.characters import next_reachable
from training.rpt.document import Document
from training.rpt.encoding import Encoder
from training.rpt.objectives.objective import Question
from training.rpt.objectives.sentences import Sentence, sentences_from
from training.rpt.templates import LoadedRptTemplate

_WANTED_BYTES = 200


class Frame:
    """A template as ids.

    Args:
        template: what stands around the context.
        encoder: of the run's tokenizer.

    Raises:
        BadInput: the tokenizer cannot say the template.
    """

    def __init__(self, template: LoadedRptTemplate, encoder: Encoder) -> None:
        self.template, self.encoder = template, encoder
        self.head = encoder.opening(template.head)
        self.tail = encoder.inside(template.tail)

    @property
    def overhead(self) -> int:
        """Tokens of head and tail."""
        return len(self.head) + len(self.tail)

    def refusal(self, document: Document, offset: int, start: int) -> str | None:
        """Why nothing can be asked at a position: `end`, `special`, `unreachable`, `no_context`; None if it can.

        What follows has to be text that begins with a whole character and ends one at the end of a token, and something
        has to stand before it.
        """
        if offset >= len(document.ids):
            return "end"
        if not document.pieces[offset]:
            return "special"
        if next_reachable(document.pieces, offset) != offset:
            return "unreachable"
        return "no_context" if offset <= max(start, len(document.opening)) else None

    def next_sentence(self, document: Document, offset: int, start: int) -> Sentence | None:
        """The first sentence from `offset` on that can be asked for."""
        if offset >= len(document.ids):
            return None
        found = sentences_from(document, offset)
        return next((one for one in found if self.refusal(document, one.first, start) is None), None)

    def ask(
        self,
        document: Document,
        offset: int,
        start: int,
        *,
        target: tuple[int, ...],
        continuation: tuple[bytes | None, ...],
        tail: tuple[int, ...] | None = None,
    ) -> Question:
        """The question at a position that is not refused; `tail` is the template's where none is given."""
        wanted = b"".join(token or b"" for token in continuation[:_WANTED_BYTES])[:_WANTED_BYTES]
        return Question(
            document=document.ordinal,
            start=start,
            offset=offset,
            opening=document.opening,
            head=self.head,
            context=document.ids[max(start, len(document.opening)) : offset],
            tail=self.tail if tail is None else tail,
            continuation=continuation,
            target=target,
            wanted=wanted.decode(errors="replace"),
        )

    def predictions(self, responses: Sequence[Sequence[tuple[int, ...]]]) -> list[list[bytes | None]]:
        """What each response predicts; None where its carrier holds nothing."""
        carrier = self.template.carrier
        return [
            [carrier.parse(self.encoder.response(response, carrier.after)) for response in group] for group in responses
        ]

    def example(self, thought: str, prediction: bytes) -> str | None:
        """A response that thinks and predicts; None where the carrier cannot carry it."""
        try:
            return self.template.carrier.wrap(thought, prediction)
        except ValueError:
            return None
