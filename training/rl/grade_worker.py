"""A grading process, `python -m training.rl.grade_worker`: lines `[gold, answer]` in, `["ok", equal, seconds]` out.

The CPU limit is a timer of this process, raised as an error that no `except Exception` on the way swallows; where an
operation does not come back to Python, the kernel ends the process by SIGXCPU. Memory is limited by the address space.
"""

import json
import math
import resource
import signal
import sys
import time
from types import FrameType

_MEMORY_BYTES = 2 << 30
_GRACE_S = 1
"""CPU seconds between the timer and the kernel's limit, which counts in whole seconds."""


class _OutOfTime(BaseException):
    pass


def _raise(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime


def main() -> None:
    """Grade until standard input ends. The one argument is the CPU limit of a pair in seconds."""
    from training.rl.symbolic import equal

    limit_s = float(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    sys.set_int_max_str_digits(20_000)
    signal.signal(signal.SIGPROF, _raise)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it closes our input
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not break the protocol
    for line in sys.stdin:
        gold, answer = json.loads(line)
        start = time.process_time()
        limit, hardest = math.ceil(start + limit_s) + _GRACE_S, resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (limit if hardest < 0 else min(limit, hardest), hardest))
        result: list[object]
        try:
            try:
                signal.setitimer(signal.ITIMER_PROF, limit_s)
                result = ["ok", equal(gold, answer)]
            except MemoryError:
                result = ["memory", False]
            except Exception as error:  # noqa: BLE001 - a parser of hostile text; the status tells, nothing is hidden
                result = [f"error: {type(error).__name__}", False]
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except _OutOfTime:  # the timer may fire anywhere above
            result = ["timeout", False]
        print(json.dumps([*result, time.process_time() - start]), file=answers, flush=True)


if __name__ == "__main__":
    main()
