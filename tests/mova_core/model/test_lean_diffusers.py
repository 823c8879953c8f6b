"""Models load without torch's compiler, which is still there for who compiles one."""

import subprocess
import sys

PROGRAM = """
import sys
import mova_core.model.dual_tower
assert "torch._dynamo" not in sys.modules, "the compiler was imported"
import torch
assert torch.compile(lambda x: 2 * x, backend="eager")(torch.ones(2)).tolist() == [2.0, 2.0]
"""


def test_the_compiler_is_left_alone_until_it_is_asked_for():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
