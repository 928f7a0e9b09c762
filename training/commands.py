"""The sub-commands that train and evaluate; each imports what it needs when it runs (`build --help` loads no torch)."""

from collections.abc import Callable
from typing import Any

COMMANDS: tuple[Callable[..., Any], ...] = ()
