"""A published corpus against its own manifest, by anyone, without trust in whoever published it."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import xxhash

from pipeline.errors import BadInput
from pipeline.publish.hub import HubRepo, State
from pipeline.shard.manifest import Manifest


@dataclass(frozen=True)
class Checked:
    """What was found; no problems means whole."""

    manifest: Manifest
    commit: str
    problems: tuple[str, ...]


def verify_published(address: str, full: bool = False) -> Checked:
    """Compare what the Hub holds at `hf://datasets/OWNER/NAME[@REVISION]` with the manifest there.

    The Hub lists the sha256 of every shard, which it computed when it received the bytes: nothing is downloaded but
    the manifest. With `full`, every shard and list is read, a piece at a time, and hashed here.

    Raises:
        BadInput: no such repository, branch or commit, or no corpus in it.
        BuildFailed: the Hub cannot be reached.
    """
    repo, folder = HubRepo.at(address)
    if repo.kind != "dataset" or folder:
        raise BadInput(f"{address}: not of the form hf://datasets/OWNER/NAME[@REVISION]; correct it")
    state = repo.ask(repo.look)
    if state is None or state.commit is None:
        raise BadInput(
            f"{address}: no such data set, branch or commit, or none that you may see; log in, or correct it"
        )
    if "manifest.json" not in state.files:
        raise BadInput(f"{address}: no manifest.json; it is no corpus of mathmill, or its publication is not finished")
    commit = state.commit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.json"
        path.write_bytes(repo.ask(lambda: b"".join(repo.read("manifest.json", commit))))
        manifest = Manifest.load(path)
    problems = [_listed(state, shard.path, shard.bytes, shard.sha256) for shard in manifest.shards]
    problems += [_listed(state, listing.path, None, None) for listing in (manifest.inputs, manifest.ledgers)]
    found = [problem for problem in problems if problem is not None]
    if full and not found:
        for shard in manifest.shards:
            found += _compare(repo, commit, shard.path, {"sha256": shard.sha256, "xxh3_128": shard.xxh3_128})
        for listing in (manifest.inputs, manifest.ledgers):
            found += _compare(repo, commit, listing.path, {"xxh3_128": listing.xxh3_128})
    return Checked(manifest, commit, tuple(found))


def _listed(state: State, path: str, size: int | None, sha256: str | None) -> str | None:
    listed = state.files.get(path)
    if listed is None:
        return f"{path}: missing"
    if size is not None and listed.size != size:
        return f"{path}: {listed.size} bytes, the manifest says {size}"
    if sha256 is not None and listed.sha256 not in (None, sha256):
        return f"{path}: sha256 does not match the manifest"
    return None


def _compare(repo: HubRepo, commit: str, path: str, digests: dict[str, str]) -> list[str]:
    def found() -> dict[str, str]:
        sha256, xxh3_128 = hashlib.sha256(), xxhash.xxh3_128()
        for chunk in repo.read(path, commit):
            sha256.update(chunk)
            xxh3_128.update(chunk)
        return {"sha256": sha256.hexdigest(), "xxh3_128": xxh3_128.hexdigest()}

    there = repo.ask(found)
    return [f"{path}: {name} does not match the manifest" for name, said in digests.items() if there[name] != said]
