"""The two ways a command ends badly: the user's input, or the run."""


class BadInput(ValueError):
    """Something the user wrote or passed cannot work. One line that names file, field, value and mend; exit code 2."""


class BuildFailed(RuntimeError):
    """A run could not finish; what is complete stays, and the same command goes on from there. Exit code 1."""
