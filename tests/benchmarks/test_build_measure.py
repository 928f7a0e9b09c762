import subprocess
import sys

import psutil
import pytest

from benchmarks.measure import Usage, measure
from benchmarks.outcome import Funnel, Outcome, summarise

BURN = """
import resource
def burn(seconds):
    while sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) < seconds:
        pass
"""


def test_cpu_of_children_and_orphans_is_counted(tmp_path):
    script = f"""
import os, subprocess, sys
{BURN}
child = "import os\\n" + {BURN!r} + "if os.fork() == 0:\\n    burn(0.3)\\n"
subprocess.run([sys.executable, "-c", child])  # it ends at once and leaves its own child behind
"""
    usage = measure([sys.executable, "-c", script], cwd=tmp_path, log=tmp_path / "log")
    assert usage.cpu_s >= 0.3


def test_orphans_are_ended_and_children_from_before_are_not(tmp_path):
    before = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    script = "import os, time\nif os.fork() == 0:\n    print(os.getpid(), flush=True)\n    time.sleep(600)"
    measure([sys.executable, "-c", script], cwd=tmp_path, log=tmp_path / "log")
    assert not psutil.pid_exists(int((tmp_path / "log").read_text()))
    assert before.poll() is None
    before.communicate(b"\n")
    assert before.returncode == 0


def test_memory_of_a_process_and_of_the_tree(tmp_path):
    grow = f"{BURN}\nheld = bytearray(b'x') * (100 << 20)\nburn(0.6)"  # long enough for a sample
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grow!r}])"
    usage = measure([sys.executable, "-c", script], cwd=tmp_path, log=tmp_path / "log")
    assert 100 << 20 < usage.peak_process_rss_bytes < usage.peak_tree_rss_bytes < 500 << 20
    assert usage.peak_processes == 2


def test_a_failed_command_shows_the_end_of_its_log(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)ended with code 3.*the reason"):
        measure(
            [sys.executable, "-c", "import sys; print('the reason'); sys.exit(3)"], cwd=tmp_path, log=tmp_path / "log"
        )


def outcome(cpu_s: float, kept: int = 8) -> Outcome:
    usage = Usage(cpu_s=cpu_s, wall_s=1.0, peak_process_rss_bytes=5, peak_tree_rss_bytes=6, peak_processes=2)
    return Outcome(usage, pages=10, stage_cpu_s={"extract": cpu_s}, funnel=[Funnel("extract", 10, kept, {"empty": 2})])


def test_summary_takes_the_median_and_the_start_up_off():
    summary = summarise([outcome(6.0), outcome(4.0), outcome(9.0)], start_up_cpu_s=1.0)
    assert (summary["cpu_s"], summary["pages_per_cpu_s"], summary["stage_cpu_s"]) == (5.0, 2.0, {"extract": 6.0})


def test_runs_with_different_funnels_are_refused():
    with pytest.raises(ValueError, match="differs from run to run"):
        summarise([outcome(1.0), outcome(1.0, kept=7)], start_up_cpu_s=0.0)


def test_balance():
    assert Funnel("extract", 3, 1, {"empty": 2}).balanced
    assert not Funnel("extract", 3, 1, {"empty": 1}).balanced
