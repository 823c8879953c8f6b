"""What `mova generate` imports before its first step: nothing heavy that a nano clip does not need."""

import subprocess
import sys

HEAVY = (
    "torch._dynamo",
    "transformers",
    "peft",
    "diffusers.pipelines",
    "diffusers.hooks",
    "cv2",
    "scipy",
)
START = f"""
import sys
from mova_core.cli.main import main
sys.argv = ["mova", "generate", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_a_nano_clip_is_generated_without_heavy_imports(nano_folder, tmp_path):
    options = ["--checkpoint", nano_folder, "--prompt", "a red ball", "--steps", "1", "--out", tmp_path / "clip.mp4"]
    ended = subprocess.run(
        [sys.executable, "-c", START, *map(str, options)], capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "clip.mp4").is_file()
    assert ended.stdout.splitlines()[-1] == ""
