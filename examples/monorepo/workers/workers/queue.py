"""What all workers do."""

import os


def run(name: str) -> None:
    """Says which queue it would read."""
    print(f"{name} reads {os.environ['QUEUE']}")
