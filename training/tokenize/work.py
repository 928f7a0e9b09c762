"""One part to one token shard, in a process of its own."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path

import xxhash

from pipeline.errors import BadInput
from pipeline.files import file_digest, write_json
from pipeline.frozen import Frozen
from training.tokenize.encoder import open_encoder
from training.tokenize.formats import Layout, Skip, Text
from training.tokenize.rows import Row, read_rows
from training.tokenize.sources import Part
from training.tokens import Format, SourceFile, TokenShard
from training.writer import write_shard

_ID = re.compile(r"[0-9a-f]{32}")
_BATCH_CHARS = 1 << 20


class Task(Frozen):
    """What every part needs to know."""

    tokenizer: str
    eos: str | None
    format: Format
    columns: dict[str, str]
    masked: bool
    hub: str | None
    """Name of the Hub data set that the parts are of."""
    revision: str | None


class PartRecord(Frozen):
    """A finished part; `key` says of what. `file.rows` counts the rows of the part."""

    key: str
    shard: TokenShard
    file: SourceFile
    dropped: dict[str, int]


def shard_path(part: Part) -> str:
    """The part's `.ds`, relative to the output folder."""
    return f"data/{part.number:05d}.ds"


def record_path(out: Path, part: Part) -> Path:
    """The part's commit record: a part without one never happened."""
    return out / "parts" / f"{part.number:05d}.json"


def run_part(task: Task, part: Part, key: str, out: Path, problem: Connection) -> None:
    """The body of a part's process. It exits with 0, or sends (exit code, one line) and exits with 1."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    try:
        record = tokenize_part(task, part, key, out)
    except BadInput as error:
        problem.send((2, str(error)))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the process boundary: the parent names the part
        problem.send((1, f"{type(error).__name__}: {' '.join(str(error).split())}"))
        sys.exit(1)
    write_json(record_path(out, part), record.model_dump())


def tokenize_part(task: Task, part: Part, key: str, out: Path) -> PartRecord:
    """Write the shard of a part.

    Raises:
        BadInput: the file does not hold what the format needs, or is not the one that the manifest names.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a part is one core's worth of work
    path = _local(task, part)
    digest = file_digest(path)
    if part.digest not in (None, digest):
        raise BadInput(f"{path}: xxh3_128 does not match the corpus manifest; restore the file, or build again")
    encoder = open_encoder(task.tokenizer, task.eos)
    layout = Layout(task.format, task.columns)
    dropped: dict[str, int] = {}
    row = part.first_row
    with write_shard(out, shard_path(part), encoder.tokenizer.dtype, task.masked) as shard:
        for rows in read_rows(path, layout.names, part.groups):
            texts = list(_texts(rows, layout, f"{path}: row", row, dropped))
            for batch in _batches(texts):
                encoded = encoder.encode([text for _, text in batch], task.masked)
                for (place, _), (ids, trained) in zip(batch, encoded, strict=True):
                    document = _document_id(rows[place], digest, row + place)
                    shard.add(ids, document, part.file_number, row + place, trained)
            row += len(rows)
    return PartRecord(
        key=key,
        shard=shard.shard,
        file=SourceFile(path=part.file, rows=row - part.first_row, xxh3_128=digest),
        dropped=dict(sorted(dropped.items())),
    )


def _local(task: Task, part: Part) -> Path:
    if part.path is not None:
        return Path(part.path)
    from huggingface_hub import hf_hub_download

    assert task.hub is not None
    return Path(hf_hub_download(task.hub, part.file, repo_type="dataset", revision=task.revision))


def _texts(
    rows: list[Row], layout: Layout, where: str, first: int, dropped: dict[str, int]
) -> Iterator[tuple[int, Text]]:
    """The texts of a batch with their place in it; rows without one are counted by reason."""
    for place, row in enumerate(rows):
        try:
            yield place, layout.text(row)
        except Skip as skip:
            reason = str(skip)
            dropped[reason] = dropped.get(reason, 0) + 1
        except TypeError as error:
            raise BadInput(f"{where} {first + place}: {error}; name another column with --field") from error


def _batches(texts: list[tuple[int, Text]]) -> Iterator[list[tuple[int, Text]]]:
    """Texts in batches of bounded size, so that the memory of an encoding is."""
    batch: list[tuple[int, Text]] = []
    chars = 0
    for item in texts:
        batch.append(item)
        chars += len(item[1].text)
        if chars >= _BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _document_id(row: Row, digest: str, number: int) -> bytes:
    """The 16 bytes of the row's id or, where it is none of ours, xxh3_128 of (source digest, row)."""
    value = row.get("id")
    if isinstance(value, str) and _ID.fullmatch(value):
        return bytes.fromhex(value)
    return xxhash.xxh3_128_digest(f"{digest}:{number}")


def _end_with_parent() -> None:
    """End this process when the command that started it is gone: an orphan must not go on writing."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
