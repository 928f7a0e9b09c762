"""Finished folders of a run, copied elsewhere as they are finished."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.publish.hub import HubRepo, Upload
from pipeline.remote import Store, folder_uri
from pipeline.remote.settings import RemoteSettings


class Uploader:
    """Copies folders below an address; transient errors are waited out as for remote inputs.

    Args:
        address: a folder: `s3://bucket/folder` or any other of fsspec, a local path, or
            `hf://[datasets/]OWNER/NAME[@BRANCH][/FOLDER]`, whose repository is made a private one where there is none.

    Raises:
        BadInput: the address cannot be one, its package is not installed, or there is no token for the Hub. Nothing is
            asked yet.
    """

    def __init__(self, address: str, settings: RemoteSettings | None = None) -> None:
        self._settings = settings or RemoteSettings()
        self._repo: HubRepo | None = None
        self._made = False
        if address.startswith("hf://"):
            self._repo, self._root = HubRepo.at(address, self._settings)
            self._repo.log_in()
        else:
            self._store, self._root = Store(self._settings), folder_uri(address)
            self._store.filesystem(self._root)

    def send(self, folder: Path, names: Sequence[str], below: str) -> None:
        """Copy files of `folder` to the folder `below` of the address: on the Hub as one commit, else in this order.

        Raises:
            BadInput, BuildFailed: the Hub does not take them.
            OSError: the other place does not.
        """
        if self._repo is None:
            for name in names:
                self._store.put(folder / name, f"{self._root}/{below}/{name}")
            return
        repo, place = self._repo, "/".join(filter(None, (self._root, below)))
        files = [Upload(f"{place}/{name}", folder / name, (folder / name).stat().st_size) for name in names]
        if not self._made:
            repo.ask(lambda: repo.create(private=True))
            self._made = True
        repo.ask(lambda: repo.commit(place, files))
