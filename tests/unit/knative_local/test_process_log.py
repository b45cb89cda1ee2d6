"""What a process writes, where it cannot be kept."""

import sys
from pathlib import Path

import pytest

from knative_local.process_log import ProcessLog


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a disk that is always full")
def test_a_full_disk_ends_neither_the_lines_nor_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    log = ProcessLog("fn", Path("/dev/full"))
    log.write(1, b"oh no\nthe rest")
    log.close()
    assert list(log.last) == ["oh no", "the rest"]
    assert capsys.readouterr().err == "fn | oh no\nfn | the rest\n"
