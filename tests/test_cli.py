"""The command line: what it prints, refuses and imports."""

import re
import subprocess
import sys

import pytest

from support.crawl import command, run


def test_help_imports_nothing_heavy():
    code = "import sys, mathmill\ntry:\n    mathmill.main()\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code, "build", "--help"], capture_output=True, text=True, check=True)
    assert "--tasks" in result.stdout
    loaded = set(result.stdout.splitlines()[-1].split())
    assert not loaded & {"torch", "pyarrow", "duckdb", "numpy", "datatrove", "fasttext", "selectolax"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build", "nonesuch"], "nonesuch: no such recipe file; give a path, or the name of a shipped recipe: demo"),
        (["build", "demo", "--set", "filter.min_math_score=2"], "filter.min_math_score: 2: input should be less than"),
        (["build", "demo", "--set", "inputs=[/nowhere]"], "inputs.0.path: '/nowhere': matches no file"),
        (["build", "demo", "--set", "extract.math_model=m.bin"], "extract.math_model: 'm.bin': no such file"),
        (["build", "demo", "--set", "extract.language_model=l.bin"], "extract.language_model: 'l.bin': no such file"),
        (["build", "demo", "--executor", "slurm"], "--executor slurm: no profile; add --profile FILE"),
        (["build", "demo", "--tasks", "0"], "--tasks"),
        (["build", "demo", "--colour"], "--colour"),
        (["extract", "nowhere.html"], "nowhere.html: no such file"),
        (["verify", "/nowhere"], "/nowhere: no such corpus manifest"),
        (["trace", "/nowhere", "x"], "/nowhere: no such corpus manifest"),
        (["report", "/nowhere"], "/nowhere: no such corpus manifest"),
    ],
)
def test_bad_input_is_exit_code_2_and_no_traceback(arguments, expected, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert expected in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == [], "bad input leaves nothing behind"


def test_a_bad_tokenizer_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    result = run("build", "demo", "--out", tmp_path / "out", "--set", f"shard.tokenizer={tmp_path}/tokenizer.json")
    assert result.returncode == 2
    assert "not a tokenizer.json" in result.stderr
    assert not (tmp_path / "out").exists()


def test_extract_prints_the_text_of_a_page(tmp_path):
    html = "<title>T</title><main><p>Let <script type='math/tex'>x^2</script> be a square of some number.</p></main>"
    (tmp_path / "page.html").write_text(html)
    expected = "Let $x^2$ be a square of some number.\n"
    assert run("extract", tmp_path / "page.html").stdout == expected
    piped = subprocess.run(command("extract", "-"), input=html, capture_output=True, text=True, check=True)
    assert piped.stdout == expected


def test_extract_names_a_limit(tmp_path):
    (tmp_path / "deep.html").write_text("<div>" * 50_000)
    result = run("extract", tmp_path / "deep.html")
    assert result.returncode == 2
    assert "too_deep" in result.stderr


def test_plan_tells_costs_and_touches_nothing(crawl_folder, tmp_path):
    arguments = ("build", crawl_folder / "recipe.yaml", "--out", tmp_path / "out", "--tasks", "2")
    planned = run(*arguments, "--plan").stdout
    assert "2 input files" in planned
    assert "measured on a sample of the input, run now: 2 files" in planned
    assert re.search(r"extract/pages +2 +[\d.]+ MB +[\d.]+ s +[\d.]+ s +[\d.]+ kB", planned)
    assert re.search(r"dedup/cluster +1 ", planned)
    assert "a whole crawl (90,000 WARC files, 90.0 TB)" in planned
    assert not (tmp_path / "out").exists()
    run(*arguments, "--quiet")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert "nothing is left to do" in run(*arguments, "--plan").stdout
    next((tmp_path / "out").glob("04-*/done.json")).unlink()
    finished = run(*arguments, "--plan").stdout
    assert "extract: done, in 8, kept 6" in finished
    assert f"measured on the finished build in {tmp_path / 'out'}: 2 files" in finished
    assert "dedup/cluster" not in finished
    assert re.search(r"shard/write +2 ", finished)
    (tmp_path / "profile.yaml").write_text(
        "partition: cpu\nmemory: 9M\nmax_array_size: 1\nphases: {shard/write: {cpus: 2}}\n"
    )
    on_slurm = run(*arguments, "--plan", "--executor", "slurm", "--profile", tmp_path / "profile.yaml").stdout
    assert "Slurm: 4 arrays with 4 elements, and 2 finalise jobs" in on_slurm
    assert "shard/write        partition cpu, time 04:00:00, memory 9M, cpus 2" in on_slurm
    assert re.search(r"a task took [\d.]+ MB: raise phases.shard/write.memory", on_slurm)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}.items() <= files.items()


def test_slurm_options_that_cannot_work_are_refused(crawl_folder, tmp_path):
    def refused(*more):
        result = run("build", crawl_folder / "recipe.yaml", "--out", tmp_path / "out", *more)
        assert result.returncode == 2, result.stderr
        return result.stderr

    assert "--executor ray: no such executor; use local or slurm" in refused("--executor", "ray")
    assert "--detach: only for Slurm; add --executor slurm" in refused("--detach")
    assert "--executor slurm: no profile; add --profile FILE" in refused("--executor", "slurm")
    (tmp_path / "profile.yaml").write_text("time: 12:00:00\n")
    on_slurm = ("--executor", "slurm", "--profile", tmp_path / "profile.yaml")
    assert 'profile.yaml: time: 43200: not a text; write it in quotes, as "12:00:00"' in refused(*on_slurm)
    (tmp_path / "profile.yaml").write_text("sbatch: {array: 0-3}\n")
    assert "array is set by mathmill; use the profile's own fields" in refused(*on_slurm)
    (tmp_path / "profile.yaml").write_text("memory: 4 GB\n")
    assert 'profile.yaml: memory: "4 GB"' in refused(*on_slurm)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def crawl_folder(tmp_path):
    from support.crawl import crawl_file

    for number in range(2):
        crawl_file(tmp_path / "warc" / f"{number}.warc.gz", number, pages=3)
    (tmp_path / "recipe.yaml").write_text("name: tiny\ninputs: [warc]\nfilter: {min_math_score: 0.0}\n")
    return tmp_path
