"""The fence: pages that hang, crash or eat memory cost themselves alone."""

import os
import signal
import sys
import textwrap

import psutil
import pytest

from pipeline.extract import fence
from pipeline.extract.fence import Fence
from pipeline.extract.limits import Limits
from pipeline.extract.page import AnalyserSettings, Analysis, PageInput, Refused

SETTINGS = AnalyserSettings(
    limits=Limits(),
    language_model=None,
    math_model="math",
    classifiers={},
    min_math_score=0.0,
    cpu_limit_s=1,
    memory_limit_bytes=1 << 30,
)
# A child that speaks the fence's protocol through the real main(), with an analyser that does what the page says.
CHILD = textwrap.dedent("""
    import ctypes, os, signal, sys
    from pathlib import Path
    from pipeline.extract import analyse
    from pipeline.extract.page import Analysis, Refused

    class Obedient:
        def __init__(self, settings):
            pass

        def analyse(self, page):
            order, _, argument = page.html.decode().partition(" ")
            if order == "spin":
                while True:
                    pass
            if order == "crash":
                ctypes.string_at(0)
            if order == "raise":
                raise RuntimeError("a bug")
            if order == "eat":
                return len(bytearray(1 << 40))
            if order == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if order == "once":  # fails at the first try alone
                path = Path(argument)
                if not path.exists():
                    path.touch()
                    os.kill(os.getpid(), signal.SIGSEGV)
            if order == "print":
                print("noise")
                os.write(1, b"noise")
            return Analysis(page.html.decode(), page.url, 0, "en", 1.0, 1.0, {})

    analyse.Analyser = Obedient
    analyse.main()
""")


@pytest.fixture
def obedient(monkeypatch, tmp_path):
    """A fence whose child runs CHILD."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    monkeypatch.setattr(fence, "CHILD", [sys.executable, str(script)])
    guarded = Fence(SETTINGS)
    yield guarded
    guarded.close()


def pages(*orders):
    return [PageInput(order.encode(), f"https://p.test/{index}", None) for index, order in enumerate(orders)]


def texts(results):
    return [result.text if isinstance(result, Analysis) else result for result in results]


def test_results_come_in_the_order_of_the_pages(obedient):
    assert texts(obedient.analyse(pages("a", "b", "c"))) == ["a", "b", "c"]
    assert texts(obedient.analyse(pages("d"))) == ["d"]
    assert obedient.analyse([]) == []


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        ("spin", Refused("timeout", "over 1 s of CPU time", True)),
        ("crash", Refused("worker_crash", "SIGSEGV", True)),
        ("raise", Refused("worker_crash", "RuntimeError", True)),
        ("eat", Refused("worker_crash", "MemoryError", True)),
    ],
)
def test_a_bad_page_costs_itself_alone(obedient, order, refused):
    assert texts(obedient.analyse(pages("a", order, "b"))) == ["a", refused, "b"]


def test_bad_pages_in_a_row(obedient):
    crashed = Refused("worker_crash", "SIGSEGV", True)
    assert texts(obedient.analyse(pages("crash", "crash", "c", "crash"))) == [crashed, crashed, "c", crashed]


def test_a_page_that_fails_once_comes_through(obedient, tmp_path):
    order = f"once {tmp_path / 'tried'}"
    assert texts(obedient.analyse(pages("a", order, "b"))) == ["a", order, "b"]


def test_what_a_library_prints_does_not_disturb(obedient):
    assert texts(obedient.analyse(pages("print", "b"))) == ["print", "b"]


def test_sigkill_is_never_the_pages_doing(obedient):
    with pytest.raises(OSError, match="was killed \\(SIGKILL\\) 3 times: is memory short"):
        obedient.analyse(pages("a", "kill", "b"))


def test_a_child_killed_between_batches_is_replaced(obedient):
    assert texts(obedient.analyse(pages("a"))) == ["a"]
    os.kill(obedient._child.pid, signal.SIGKILL)
    assert texts(obedient.analyse(pages("b", "c"))) == ["b", "c"]


def test_close_leaves_no_process(obedient):
    obedient.analyse(pages("a"))
    pid = obedient._child.pid
    obedient.close()
    assert not psutil.pid_exists(pid)


def test_the_real_analyser_scores_a_page():
    guarded = Fence(SETTINGS)
    html = "<main><h1>Roots</h1>" + "<p>Solve the quadratic equation $x^2 - 5x + 6 = 0$ by factoring.</p>" * 5
    result, empty = guarded.analyse([PageInput(html.encode(), "", "utf-8"), PageInput(b"", "", None)])
    guarded.close()
    assert isinstance(result, Analysis)
    assert "$x^2 - 5x + 6 = 0$" in result.text
    assert (result.formulas, result.language) == (5, "en")
    assert 0 <= result.math_score <= 1
    assert empty == Refused("empty", "0 bytes of HTML")
