"""`python -m knative_local` is the command `knative-local`."""

import sys

from knative_local.cli import main

sys.exit(main())
