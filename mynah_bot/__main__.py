"""`python -m mynah_bot` is `mynah`."""

from __future__ import annotations

import sys

from mynah_bot import main

sys.exit(main())
