"""Settings of whatever asks a language model: which one, where it is, how it samples, how patiently it is asked."""

import os
from importlib.util import find_spec
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from pipeline.errors import BadInput
from pipeline.frozen import Frozen


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


class ServedModel(Frozen):
    """A language model behind an OpenAI-compatible server."""

    model: str | None = None
    """The model's name as the server knows it."""
    revision: str | None = None
    """Its revision (Hub commit, or a date for a hosted one): part of the key, so that another one pays anew."""
    base_url: str | None = None
    """The server's address up to and with its version, as in http://node7:8000/v1. Not part of the key."""
    api_key_env: str | None = None
    """Environment variable that holds the key."""
    server: ServerSettings | None = None
    """A server of our own, instead of `base_url`."""
    sampling: Sampling = Sampling()
    max_concurrency: int = Field(default=256, ge=1)
    """Requests of a task at a time, at most; it finds out how many the server takes."""
    request_timeout_s: float = Field(default=600.0, gt=0)
    """Longest time for one request."""
    tries: int = Field(default=4, ge=1)
    """Failures of one request, while the server answers others, until it counts as not answerable."""
    give_up_s: float = Field(default=300.0, gt=0)
    """A server that has answered nothing for so long is gone: the work stops, and goes on when run again."""

    def refuse_no_address(self, who: str) -> None:
        """Raise ValueError unless there is just one of a server of our own and an address without a secret in it."""
        if (self.base_url is None) == (self.server is None):
            raise ValueError(f"{who} needs base_url or server, and not both")
        if self.base_url is not None:
            url = urlsplit(self.base_url)
            if url.scheme not in {"http", "https"} or not url.hostname:
                raise ValueError(f"base_url {self.base_url!r} is no http address; write http://host:port/v1")
            if url.username or url.password:
                raise ValueError(
                    "base_url holds a user or password; put the key into a variable and name it in api_key_env"
                )

    def refuse_missing(self, where: str) -> None:
        """Raise BadInput where asking cannot begin, naming the section `where`: no HTTP client, or a key not set."""
        if find_spec("aiohttp") is None:
            raise BadInput(f"{where}.model: asking it needs aiohttp; pip install 'mathmill[refine]'")
        if self.api_key_env is not None and not os.environ.get(self.api_key_env):
            raise BadInput(f"{where}.api_key_env: {self.api_key_env} is not set; export it")
