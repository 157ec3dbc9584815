"""`python -m ntgbench`: the command line, as the console script runs it."""

from __future__ import annotations

from ntgbench.cli import main

if __name__ == "__main__":
    main()
