"""The front door: one command. The sub-commands stand in the rooms' `commands` modules.

Exit codes: 0 done, 1 failed (the same command goes on from there), 2 bad input, 130 interrupted.
"""

import sys
from typing import NoReturn

import typer

import pipeline.cache_commands
import pipeline.classifier_commands
import pipeline.commands
import training.commands
import training.train_commands

app = typer.Typer(
    help="Raw web crawls to a mathematics corpus: every formula kept, every document accounted for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (*pipeline.commands.COMMANDS, *training.commands.COMMANDS):
    app.command()(_command)
app.add_typer(pipeline.cache_commands.app, name="refine-cache")
app.add_typer(pipeline.classifier_commands.app, name="classifier")
app.add_typer(training.train_commands.app, name="train")


def main() -> NoReturn:
    """Run the command line; every expected ending is one line on standard error and an exit code."""
    from pipeline.errors import BadInput, BuildFailed
    from pipeline.interrupt import LAST_WORDS, Interrupted, raise_on_signals

    raise_on_signals()
    try:
        app()
    except BadInput as error:
        _end(2, str(error))
    except BuildFailed as error:
        _end(1, str(error))
    except OSError as error:
        _end(1, f"{type(error).__name__}: {error}")
    except Interrupted:
        print(LAST_WORDS, file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def _end(code: int, message: str) -> NoReturn:
    print(f"mathmill: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
