"""The worker `export`."""

from workers.queue import run

if __name__ == "__main__":
    run("export")
