"""`python -m bot` is `mynah`."""

import sys

from bot.cli import main

sys.exit(main())
