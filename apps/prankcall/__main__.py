"""`python -m apps.prankcall`."""

from apps.prankcall.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
