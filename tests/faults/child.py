"""``purlieu`` with faults in it: the command line of a case. Its worker processes import this file too."""

from __future__ import annotations

from tests.faults.fault import install

install()

if __name__ == "__main__":
    from purlieu.main import main

    raise SystemExit(main())
