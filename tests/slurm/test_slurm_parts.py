"""What the Slurm executor decides, without a cluster."""

import pytest

from pipeline.config import load_config
from pipeline.errors import BadInput
from pipeline.files import write_json
from pipeline.slurm import submission
from pipeline.slurm.profile import Profile
from pipeline.slurm.queue import NEVER, Job, shorten
from pipeline.slurm.watch import State, judge
from support.slurm_build import planned


@pytest.fixture
def submitted(tmp_path):
    """A submission of the demo, each array in two chunks of two; jobs 1 to 20."""
    plan = planned(tmp_path, Profile(max_array_size=2))
    folder = submission.create(plan)
    number = 0
    for step, each in enumerate(plan.steps):
        for kind in ["array"] * each.chunks + ["finalise"]:
            number += 1
            submission.record_job(folder, step, kind, str(number))
    write_attempt_of(folder, plan, 0)
    return folder, plan


def write_attempt_of(folder, plan, number):
    spec = {"recipe": plan.recipe.model_dump(mode="json"), "recipe_path": "r", "folders": [], "phase": "p"}
    where = submission.step_folder(folder, plan, number)
    write_json(where / "spec.json", {**spec, "tasks": 4, "total_bytes": 0, "before_bytes": 0})


def queue_of(folder, plan, *without, reason="Dependency"):
    rows = []
    for job in submission.jobs(folder):
        elements = [f"{job.id}_0", f"{job.id}_1"] if job.kind == "array" else [job.id]
        rows += [Job(id_, "PENDING", reason, f"demo.x.{plan.key}") for id_ in elements if id_ not in without]
    return rows


def test_the_chain_has_a_step_for_each_phase(submitted):
    _, plan = submitted
    assert [(step.name, step.tasks, step.chunks, step.last) for step in plan.steps] == [
        ("extract/pages", 4, 2, True),
        ("filter/thresholds", 4, 2, True),
        ("dedup/signatures", 4, 2, False),
        ("dedup/cluster", 1, 1, False),
        ("dedup/remove", 4, 2, True),
        ("refine/rewrite", 4, 2, True),
        ("shard/gather", 4, 2, False),
        ("shard/write", 4, 2, True),
    ]


def test_no_step_has_more_elements_than_there_are_inputs(tmp_path):
    assert {step.tasks for step in planned(tmp_path, Profile(max_array_size=1001), tasks=64).steps} == {1, 4}


def test_a_chain_in_the_queue_is_sound(submitted):
    folder, plan = submitted
    assert judge(folder, plan, queue_of(folder, plan)) == State(0)


def test_an_element_that_ended_well_is_not_missed(submitted):
    folder, plan = submitted
    completions = submission.step_folder(folder, plan, 0) / "completions"
    completions.mkdir(parents=True)
    (completions / "00003").touch()
    assert judge(folder, plan, queue_of(folder, plan, "2_1")) == State(0)
    assert judge(folder, plan, queue_of(folder, plan, "2_0")).problem == (
        "extract/pages: job 2_0 ended before its parts were complete"
    )


def test_what_breaks_a_chain_is_named(submitted):
    folder, plan = submitted
    assert judge(folder, plan, queue_of(folder, plan, "3")).problem == (
        "job 3 (finalise of extract/pages) is no longer in the queue"
    )
    assert judge(folder, plan, queue_of(folder, plan, "4_0", "4_1")).problem == (
        "job 4 (array of filter/thresholds) is no longer in the queue"
    )
    never = [*queue_of(folder, plan, "12"), Job("12", "PENDING", NEVER, f"demo.dedup.{plan.key}")]
    assert judge(folder, plan, never).problem == "job 12 (demo.dedup) waits for a job that failed"
    write_json(folder / "jobs.json", [job.model_dump() for job in submission.jobs(folder)[:-1]])
    assert judge(folder, plan, queue_of(folder, plan)).problem == "not all jobs were submitted"


def test_the_verdicts_of_finalise_jobs_count(submitted):
    folder, plan = submitted
    write_json(submission.step_folder(folder, plan, 0) / "complete.json", {"summary": ""})
    write_attempt_of(folder, plan, 1)
    assert judge(folder, plan, queue_of(folder, plan, "1_0", "1_1", "2_0", "2_1", "3")) == State(1)
    write_json(submission.step_folder(folder, plan, 1) / "failed.json", {"problem": "no"})
    assert judge(folder, plan, []) == State(1, "no", failed=True)
    for number in range(len(plan.steps)):
        write_json(submission.step_folder(folder, plan, number) / "complete.json", {"summary": ""})
    assert judge(folder, plan, []) == State(len(plan.steps))


def test_a_local_build_is_refused_where_the_queue_cannot_be_seen(submitted, monkeypatch):
    folder, _ = submitted
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="Slurm jobs may be at work"):
        submission.refuse_beside_jobs(folder.parents[1])
    submission.close(folder)
    submission.refuse_beside_jobs(folder.parents[1])


def test_a_phase_may_have_resources_of_its_own(tmp_path):
    path = tmp_path / "profile.yaml"
    path.write_text(
        "memory: 2G\nsbatch: {constraint: avx2}\nphases:\n"
        '  dedup: {time: "1-00:00:00"}\n  dedup/cluster: {memory: 16G, sbatch: {exclusive: ""}}\n'
    )
    profile = load_config(Profile, path)
    of = profile.resources("dedup", "cluster")
    assert (of.time, of.memory, of.cpus, of.sbatch) == ("1-00:00:00", "16G", 1, {"constraint": "avx2", "exclusive": ""})
    of = profile.resources("extract", "pages")
    assert (of.time, of.memory, of.sbatch) == ("04:00:00", "2G", {"constraint": "avx2"})
    unknown = Profile.model_validate({"phases": {"dedup/clusters": {}}})
    with pytest.raises(BadInput, match=r"phases\.dedup/clusters: no such stage or phase"):
        planned(tmp_path, unknown.model_copy(update={"max_array_size": 9}))


def test_ids_are_written_as_ranges():
    assert shorten(["12", "14", "13", "9", "20"]) == "9, 12-14, 20"
