"""The `refine` section of a recipe: who rewrites, how it is asked, and what is accepted."""

from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from pipeline.frozen import Frozen
from pipeline.refine.guard import GuardSettings


class Sampling(Frozen):
    """Sampling of the model; every field is part of the key under which an answer is kept."""

    temperature: float = Field(default=0.7, ge=0)
    """0 is greedy: another try then asks for smaller parts, since another seed would change nothing."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling."""
    seed: int = Field(default=0, ge=0)
    """Seed of the first try; each further try adds one."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, as the server knows them: `top_k`, `chat_template_kwargs`…"""


class ServerSettings(Frozen):
    """A model server that each task starts on its own node and ends with itself."""

    command: str
    """The command line; `{port}`, `{model}` and `{revision}` are filled in. No shell reads it."""
    health: str = Field(default="/health", pattern="^/")
    """Path that answers 200 when the server is ready."""
    start_timeout_s: int = Field(default=1800, ge=1)
    """Longest time until then; loading a large model from a shared file system takes a while."""
    tasks: int = Field(default=1, ge=1)
    """Servers, and so tasks, at a time: as many as there are GPU nodes for them."""
    gpus: int = Field(default=1, ge=0)
    """GPUs that one server holds, for the report's GPU hours."""

    @model_validator(mode="after")
    def _has_port(self) -> Self:
        if "{port}" not in self.command:
            raise ValueError("the command has no {port}; the task chooses a free one: pass it on, as in --port {port}")
        return self


class Prices(Frozen):
    """What a hosted model costs, for the report. Any currency, the same in both fields."""

    input_per_million: float = Field(ge=0)
    """Price of a million prompt tokens."""
    output_per_million: float = Field(ge=0)
    """Price of a million generated tokens."""


class RefineSettings(Frozen):
    """Rewriting by a language model, each rewrite checked; or editing by rules, offline."""

    backend: Literal["rules", "openai"] = "rules"
    """`rules` is a deterministic editor and no model; `openai` any server with OpenAI's chat completions."""
    prompt: str = "web-pro"
    """A shipped prompt by name (web-pro, web-pro-max, clean-only, question-answer, chain-of-thought), or a file."""
    model: str | None = None
    """The model's name as the server knows it."""
    revision: str | None = None
    """Its revision (Hub commit, or a date for a hosted one): part of the key, so that another one pays anew."""
    base_url: str | None = None
    """The server's address up to and with its version, as in http://node7:8000/v1. Not part of the key."""
    api_key_env: str | None = None
    """Environment variable that holds the key."""
    server: ServerSettings | None = None
    """A server of the stage's own, instead of `base_url`."""
    sampling: Sampling = Sampling()
    context_tokens: int | None = Field(default=None, ge=512)
    """Tokens of prompt and answer together; null: as `/v1/models` says, else 8192."""
    output_tokens: int = Field(default=1024, ge=1)
    """Least room for an answer; a longer part gets half a token for each of its bytes."""
    attempts: int = Field(default=3, ge=1)
    """Tries for a document: the second with another seed, further ones also with smaller parts."""
    otherwise: Literal["keep_original", "drop"] = "keep_original"
    """What becomes of a document whose last try is refused."""
    guard: GuardSettings = GuardSettings()
    """Thresholds of the guard."""
    max_concurrency: int = Field(default=256, ge=1)
    """Requests of a task at a time, at most; it finds out how many the server takes."""
    request_timeout_s: float = Field(default=600.0, gt=0)
    """Longest time for one request."""
    tries: int = Field(default=4, ge=1)
    """Failures of one request, while the server answers others, until it counts as not answerable."""
    give_up_s: float = Field(default=300.0, gt=0)
    """A server that has answered nothing for so long is gone: the stage stops, and goes on when run again."""
    classifiers: dict[str, str] = Field(default_factory=dict)
    """Further fastText classifiers (name to path): each text is scored before and after."""
    prices: Prices | None = None
    """What tokens cost; null: the report has tokens and GPU hours."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.backend == "rules":
            if self.model or self.base_url or self.server:
                raise ValueError("the backend `rules` is no model; take out model, base_url and server, or set openai")
            return self
        if not self.model:
            raise ValueError("the backend `openai` needs a model; add it")
        if (self.base_url is None) == (self.server is None):
            raise ValueError("the backend `openai` needs base_url or server, and not both")
        if self.base_url is not None:
            url = urlsplit(self.base_url)
            if url.scheme not in {"http", "https"} or not url.hostname:
                raise ValueError(f"base_url {self.base_url!r} is no http address; write http://host:port/v1")
            if url.username or url.password:
                raise ValueError(
                    "base_url holds a user or password; put the key into a variable and name it in api_key_env"
                )
        return self
