"""Models load and are saved without torch's compiler and without transformers, which are there for whoever asks."""

import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path
import mova_core.model.towers.dual_tower
from mova_core.model.pretrained.diffusers_import import ModelMixin
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
audio = preset_dual_tower(Params()).audio_dit
audio.save_pretrained("ours")
assert not {"torch._dynamo", "peft", "transformers"} & sys.modules.keys()
from diffusers.utils import is_transformers_available
assert is_transformers_available()
import torch
assert torch.compile(lambda x: 2 * x, backend="eager")(torch.ones(2)).tolist() == [2.0, 2.0]
ModelMixin.save_pretrained(audio, "theirs")
files = {path.name: path.read_bytes() for path in Path("ours").iterdir()}
assert files == {path.name: path.read_bytes() for path in Path("theirs").iterdir()}, "not as diffusers saves it"
"""


def test_the_compiler_is_left_alone_until_it_is_asked_for(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
