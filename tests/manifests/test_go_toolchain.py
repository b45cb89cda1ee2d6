"""Where no Go is new enough, one is fetched from the module proxy, and it is the one that was meant."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.servers import go

PLATFORM = f"{platform.system().lower()}-{go.MACHINES.get(platform.machine(), platform.machine())}"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without Go, that has not fetched one, with a proxy in a folder."""
    go.program.cache_clear()
    monkeypatch.setattr(go, "FOLDER", tmp_path / "servers")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("GOPROXY", f"off,{(tmp_path / 'empty').as_uri()}|{(tmp_path / 'proxy').as_uri()},direct")
    yield
    go.program.cache_clear()


def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str = go.VERSION) -> Path:
    """A toolchain whose `go` is a script, at the proxy; its digest is the one that is expected."""
    top = f"golang.org/toolchain@v0.0.1-{go.VERSION}.{PLATFORM}"
    file = tmp_path / f"proxy/golang.org/toolchain/@v/v0.0.1-{go.VERSION}.{PLATFORM}.zip"
    file.parent.mkdir(parents=True)
    with ZipFile(file, "w") as zipped:
        zipped.writestr(f"{top}/bin/go", f"#!/bin/sh\necho go version {says} {PLATFORM}\n")
        zipped.writestr(f"{top}/pkg/tool/{PLATFORM}/compile", "")
    monkeypatch.setitem(go.DIGESTS, PLATFORM, hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def test_it_is_fetched_once_and_its_programs_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = serve(tmp_path, monkeypatch)
    program = go.program()
    assert go.VERSION in subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    assert (go.FOLDER / go.VERSION / f"pkg/tool/{PLATFORM}/compile").stat().st_mode & 0o111
    file.unlink()
    go.program.cache_clear()
    assert go.program() == program


def test_another_file_than_the_one_that_is_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = serve(tmp_path, monkeypatch)
    with ZipFile(file, "a") as zipped:
        zipped.writestr("more", "")
    with pytest.raises(go.NoGo, match="SHA-256"):
        go.program()
    assert not go.FOLDER.exists() or not list(go.FOLDER.iterdir())


def test_a_go_that_is_too_old_is_asked_for_the_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(tmp_path, monkeypatch)
    monkeypatch.delenv("GOPROXY")
    old = tmp_path / "nothing/go"
    old.parent.mkdir()
    old.write_text(
        f"#!/bin/sh\n[ $1 = env ] && echo {(tmp_path / 'proxy').as_uri()},direct || echo go version go1.19.8\n"
    )
    old.chmod(0o755)
    assert go.program() == str(go.FOLDER / go.VERSION / "bin/go")


def test_without_a_proxy_it_says_what_is_missing() -> None:
    with pytest.raises(go.NoGo, match=r"Go 1\.26 or newer is missing"):
        go.program()


@pytest.mark.parametrize(("says", "taken"), [("go1.19.8", False), ("go1.26.0", True), ("go1.27rc1", True), ("", False)])
def test_a_go_of_the_machine_is_taken_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, taken: bool
) -> None:
    serve(tmp_path, monkeypatch)
    own = tmp_path / "nothing/go"
    own.parent.mkdir()
    own.write_text(f"#!/bin/sh\necho go version {says} linux/amd64\n")
    own.chmod(0o755)
    assert (go.program() == str(own)) == taken
