"""The command line: what it prints, refuses and imports."""

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
        (["build", "demo", "--executor", "slurm"], "--executor slurm: this version runs tasks on this machine only"),
        (["build", "demo", "--tasks", "0"], "--tasks"),
        (["build", "demo", "--colour"], "--colour"),
        (["extract", "nowhere.html"], "nowhere.html: no such file"),
        (["verify", "/nowhere"], "/nowhere: no such manifest"),
        (["trace", "/nowhere", "x"], "/nowhere: no such manifest"),
        (["report", "/nowhere"], "/nowhere: no such manifest"),
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


def test_plan_says_what_is_to_do_and_touches_nothing(crawl_folder, tmp_path):
    result = run("build", crawl_folder / "recipe.yaml", "--out", tmp_path / "out", "--tasks", "2", "--plan")
    assert "extract  to do: 2 of 2 parts" in result.stdout
    assert "shard    to do: after extract" in result.stdout
    assert not (tmp_path / "out").exists()
    run("build", crawl_folder / "recipe.yaml", "--out", tmp_path / "out", "--quiet")
    result = run("build", crawl_folder / "recipe.yaml", "--out", tmp_path / "out", "--plan")
    assert "extract  done: 2 parts, in 8, kept 6" in result.stdout
    assert "shard    done" in result.stdout


@pytest.fixture
def crawl_folder(tmp_path):
    from support.crawl import crawl_file

    for number in range(2):
        crawl_file(tmp_path / "warc" / f"{number}.warc.gz", number, pages=3)
    (tmp_path / "recipe.yaml").write_text("name: tiny\ninputs: [warc]\nfilter: {min_math_score: 0.0}\n")
    return tmp_path
