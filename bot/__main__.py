"""Makes `python -m bot` the same as `mynah`."""

import sys

from bot.cli import main

sys.exit(main())
