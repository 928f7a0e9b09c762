"""A row of a source to the text of a document, and which of its characters are trained.

    text   the text; all of it is trained
    qa     question, newline, answer; the answer is trained
    cot    question, newline, the content of the thinking block <think>…</think> of the answer; that is trained
    chat   a line "User: …" or "Assistant: …" per turn ("System: …" too); what the assistant says is trained

The last three are the forms of OctoThinker's mid-training data.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pipeline.errors import BadInput
from training.tokens import Format

FIELDS: dict[Format, tuple[str, ...]] = {
    "text": ("text",),
    "qa": ("question", "answer"),
    "chat": ("messages",),
    "cot": ("question", "answer"),
}
"""The fields that a format reads."""
_SPEAKERS = {"user": "User", "human": "User", "assistant": "Assistant", "gpt": "Assistant", "system": "System"}


@dataclass(frozen=True)
class Text:
    """A document's text. `trained` are spans of characters, ordered and apart."""

    text: str
    trained: tuple[tuple[int, int], ...]


class Skip(ValueError):
    """A row that gives no document; its text is the reason that is counted."""


@dataclass(frozen=True)
class Layout:
    """How rows become texts: the format, and the column that each of its fields is read from."""

    format: Format
    columns: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The columns of the file that are read."""
        return sorted({column.partition(".")[0] for column in self.columns.values()})

    def text(self, row: Mapping[str, Any]) -> Text:
        """The document of a row.

        Raises:
            Skip: a field is null or blank, or there is no thinking block.
            TypeError: a value is not what the format reads.
        """
        return _BUILDERS[self.format]({field: _value(row, column) for field, column in self.columns.items()})


def layout(format_: str, fields: tuple[str, ...]) -> Layout:
    """The layout of a format; `fields` are FIELD=COLUMN, where a dotted column (`messages.1.content`) reaches inside.

    Raises:
        BadInput: the format or a field is not known.
    """
    known = get_args(Format)
    if format_ not in known:
        raise BadInput(f"--format {format_}: not a format; choose one of {', '.join(known)}")
    chosen: Format = known[known.index(format_)]
    columns = {name: name for name in FIELDS[chosen]}
    for field in fields:
        name, separator, column = field.partition("=")
        if not separator or not column or name not in columns:
            raise BadInput(
                f"--field {field}: {format_} has the fields {', '.join(columns)}; write for example "
                f"{next(iter(columns))}=COLUMN"
            )
        columns[name] = column
    return Layout(chosen, columns)


def _value(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for key in column.split("."):
        if isinstance(value, list):
            value = value[int(key)] if int(key) < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(key)
        else:
            return None
    return value


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if value is None:
        raise Skip(f"no_{name}")
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, not a string")
    if not value.strip():
        raise Skip(f"no_{name}")
    return value


def _plain(fields: Mapping[str, Any]) -> Text:
    text = _string(fields, "text")
    return Text(text, ((0, len(text)),))


def _answered(fields: Mapping[str, Any]) -> Text:
    return _after(_string(fields, "question"), _string(fields, "answer"))


def _thought(fields: Mapping[str, Any]) -> Text:
    question, answer = _string(fields, "question"), _string(fields, "answer")
    _, opened, rest = answer.partition("<think>")
    thinking, closed, _ = rest.partition("</think>")
    if not opened or not closed or not thinking.strip():
        raise Skip("no_thinking")
    return _after(question, thinking.strip())


def _after(question: str, answer: str) -> Text:
    text = f"{question}\n{answer}"
    return Text(text, ((len(question) + 1, len(text)),))


def _turns(fields: Mapping[str, Any]) -> Text:
    messages = fields["messages"]
    if messages is None or messages == []:
        raise Skip("no_messages")
    if not isinstance(messages, list):
        raise TypeError(f"messages is {type(messages).__name__}, not a list")
    text, trained = "", []
    for message in messages:
        role, content = message.get("role", message.get("from")), message.get("content", message.get("value"))
        if role not in _SPEAKERS:
            raise TypeError(f"a message has the role {role!r}; known are {', '.join(_SPEAKERS)}")
        if not isinstance(content, str) or not content.strip():
            raise Skip("no_content")
        text += ("\n" if text else "") + f"{_SPEAKERS[role]}:"
        begin = len(text)
        text += f" {content}"
        if _SPEAKERS[role] == "Assistant":
            trained.append((begin, len(text)))
    if not trained:
        raise Skip("no_assistant")
    return Text(text, tuple(trained))


_BUILDERS: dict[Format, Callable[[Mapping[str, Any]], Text]] = {
    "text": _plain,
    "qa": _answered,
    "chat": _turns,
    "cot": _thought,
}
