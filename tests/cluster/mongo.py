"""What stands for the image `mongo` on knative-host: SecantusDB, which speaks MongoDB's protocol."""

import os
import sys

SERVER = [sys.executable, "-m", "secantus", "--host", "0.0.0.0", "--port", "27017", "--storage-path", "/data/db"]

os.execv(sys.executable, [*SERVER, "--log-level", "WARNING", "--sync-on-commit"])
