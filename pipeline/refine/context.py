"""How many tokens the model reads and writes at once: kept beside the answers, since it decides where pages are cut."""

from pipeline.refine.settings import RefineSettings
from pipeline.serving.answers import Answer, Request
from pipeline.serving.cache import AnswerCache
from pipeline.serving.connection import Connection

_DEFAULT_CONTEXT = 8192


async def context_tokens(settings: RefineSettings, cache: AnswerCache, connection: Connection) -> int:
    """The model's context: the setting; else as the cache has it; else as the server says, which the cache then keeps.

    Kept, since it decides where long documents are cut: with the same answers it must be the same.
    """
    if settings.context_tokens is not None:
        return settings.context_tokens
    assert settings.model is not None
    request = Request(
        document="",
        part="context",
        messages="",
        prompt="",
        model=settings.model,
        revision=settings.revision,
        sampling={},
    )
    kept = cache.get(request.key)
    if kept is not None:
        return int(kept.text)
    told = await (await connection.client()).context_tokens(settings.model) or _DEFAULT_CONTEXT
    await cache.put(request, Answer(text=str(told), finish_reason="stop"))
    return told
