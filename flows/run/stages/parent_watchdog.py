"""Runs a command for as long as the parent process holds this one's stdin open, so that it never outlives its parent.

python -m flows.run.stages.parent_watchdog COMMAND …
"""

import os
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_stdin() -> None:
        while os.read(0, 4096):
            pass
        process.terminate()

    threading.Thread(target=end_with_stdin, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
