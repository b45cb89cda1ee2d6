"""What stands for the image `mongo` on knative-host: SecantusDB, which speaks MongoDB's protocol."""

import os
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("secantusd-py")

os.execv(
    PROGRAM,
    [str(PROGRAM), "--host", "0.0.0.0", "--port", "27017", "--storage-path", "/data/db", "--log-level", "WARNING",
     "--sync-on-commit"],
)  # fmt: skip
