"""`python scenedetect_alone.py VIDEO …`: PySceneDetect's adaptive detector on each file, in one process."""

import sys

from scenedetect import AdaptiveDetector, detect


def main(paths: list[str]) -> None:
    """Find shot boundaries in each file, one after another."""
    for path in paths:
        detect(path, AdaptiveDetector())


if __name__ == "__main__":
    main(sys.argv[1:])
