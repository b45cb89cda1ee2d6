"""Reads the manifests again whenever one of their files has changed, and has them applied if nothing is wrong."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from knative_local.environment import VariableErrors
from knative_local.log.port import LogUnavailable
from knative_local.manifests import ManifestErrors, load
from knative_local.model import Manifests
from knative_local.revisions import RevisionErrors
from knative_local.yaml_tree import shown

LOOK_AGAIN_MS: Final = 5_000
"""How soon a change is noticed of which the system says nothing, as on some network file systems."""
APPLY_AGAIN_S: Final = 1.0
WATCH_AGAIN_S: Final = 5.0
COARSE_NS: Final = 20_000_000

logger = logging.getLogger(__name__)

Stamps = dict[Path, tuple[int, int, int] | None]
Apply = Callable[[Manifests], Awaitable[None]]
Watch = Callable[[Iterable[Path]], AsyncIterator[object]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Loaded:
    """When (ms since 1970) the manifests that are served were read, and what is wrong with newer ones, if anything."""

    loaded_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    problems: tuple[str, ...] = ()


async def watch_folders(folders: Iterable[Path]) -> AsyncIterator[object]:
    """Come back whenever something may have changed in these folders."""
    import watchfiles  # noqa: PLC0415 - nobody else needs it

    changes = watchfiles.awatch(  # pyright: ignore[reportUnknownMemberType] - a part of anyio's in it is untyped
        *folders, watch_filter=None, recursive=False, rust_timeout=LOOK_AGAIN_MS, yield_on_timeout=True
    )
    async for _ in changes:
        yield None


class Reloader:
    """Watches the files of the manifests at `path`, whose reading began at `read_ns` (since 1970).

    `loaded` is told what came of it.
    """

    def __init__(
        self,
        path: Path,
        manifests: Manifests,
        read_ns: int,
        apply: Apply,
        loaded: Loaded,
        *,
        watch: Watch = watch_folders,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._path = path
        self._apply = apply
        self._loaded = loaded
        self._watch = watch
        self._sleep = sleep
        self._served = manifests
        self._files = manifests.files
        self._stamps = _stamps_since(self._files, read_ns)
        self._task: asyncio.Task[None] | None = None
        self._applying: asyncio.Task[None] | None = None
        self._stopping = False

    def begin(self) -> None:
        """Watch from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Watch no more; what is being applied is applied to the end, but not tried again."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._applying is not None:
            await asyncio.gather(self._applying, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            folders = _folders(self._files)
            try:
                async for _ in self._watch(folders):
                    await self._look()
                    if _folders(self._files) != folders:
                        break
            except Exception:
                # Whatever it is (a folder that goes away at the wrong moment): what runs goes on, and is watched again.
                logger.exception("watching the manifests failed; trying again")
                await self._sleep(WATCH_AGAIN_S)

    async def _look(self) -> None:
        before = _stamps(self._files)
        if before == self._stamps:
            return
        read_ns = time.time_ns()
        try:
            manifests = await asyncio.to_thread(load, self._path)
        except ManifestErrors as errors:
            self._files, self._stamps = errors.files, _stamps_since(errors.files, read_ns)
            self._refuse(errors.errors)
            return
        self._files, self._stamps = manifests.files, _stamps_since(manifests.files, read_ns)
        # A shell empties a file first (`helm template … > file`) and fills it seconds later: were it served empty, its
        # Triggers would lose their places. And what has changed while it was read may have been read so.
        emptied = [file for file in self._files if file.is_file() and not file.stat().st_size]
        if emptied:
            self._refuse(tuple(f"{shown(file)}:1: the file is empty now; is it being written?" for file in emptied))
            return
        if any(before.get(file, stamp) != stamp for file, stamp in _stamps(self._files).items()):
            self._stamps = None
            return
        self._applying = asyncio.get_running_loop().create_task(self._serve(manifests))
        await asyncio.shield(self._applying)

    async def _serve(self, manifests: Manifests) -> None:
        try:
            while manifests != self._served and not self._stopping:
                try:
                    await self._apply(manifests)
                    self._served = manifests
                    logger.warning("the manifests have changed, and are served as they are now")
                except LogUnavailable as error:
                    logger.error("the new manifests wait: %s", error)
                    await self._sleep(APPLY_AGAIN_S)
        except (VariableErrors, RevisionErrors, OSError) as error:
            self._refuse(tuple(str(error).splitlines()))
        else:
            self._loaded.loaded_ms, self._loaded.problems = time.time_ns() // 1_000_000, ()

    def _refuse(self, problems: tuple[str, ...]) -> None:
        self._loaded.problems = problems
        logger.error("the manifests have changed, but cannot be served as they are now:\n%s", "\n".join(problems))


def _folders(files: Iterable[Path]) -> frozenset[Path]:
    """Where to watch: the folders of files, whose editors replace them, and those that were read as a whole."""
    return frozenset(folder for file in files for folder in (file.parent, file) if folder.is_dir())


def _stamps_since(files: Iterable[Path], read_ns: int) -> Stamps | None:
    """How they were when they were read; None when one has changed since, or just before (clocks of files are coarse),
    so that it may not be what was read."""
    stamps = _stamps(files)
    recent = range(read_ns - COARSE_NS, time.time_ns() + 1)
    return None if any(stamp is not None and stamp[0] in recent for stamp in stamps.values()) else stamps


def _stamps(files: Iterable[Path]) -> Stamps:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
