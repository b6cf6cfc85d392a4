"""What the README's figures run: `make bench`, or one by its name: `python -m benchmarks purchases`."""
