"""What may be asked for of device, dtype and memory, for the whole model and for a part apart."""

import pytest

from mova_core.errors import UsageError
from mova_core.params.runtime import PARTS, RuntimeParams


def test_a_part_has_its_own_value_or_that_of_the_whole():
    runtime = RuntimeParams(device="cuda:1,text_encoder=cpu", dtype="bfloat16,video_vae=float32,towers=auto")
    assert [runtime.device_of(part) for part in PARTS] == ["cuda:1", "cuda:1", "cuda:1", "cpu"]
    assert [runtime.dtype_of(part) for part in PARTS] == ["auto", "float32", "bfloat16", "bfloat16"]
    assert runtime.devices == {"cuda:1", "cpu"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"device": "gpu"}, "device is 'gpu': 'gpu' is unknown, expected auto, cpu, cuda or cuda:N"),
        ({"device": ""}, "'' is unknown"),
        ({"device": "cuda:x"}, "'cuda:x' is unknown"),
        ({"device": "cuda,cpu"}, "'cpu' cannot be read, expected one value for the whole model, then PART=VALUE"),
        ({"device": "towers=cpu"}, "'towers=cpu' cannot be read"),
        ({"device": "cpu,bridge=cuda"}, "a PART of towers, video_vae, audio_vae, text_encoder"),
        ({"device": "cpu,towers=tpu"}, "'tpu' is unknown"),
        ({"dtype": "int8"}, "dtype is 'int8': 'int8' is unknown, expected auto, float32, bfloat16 or float16"),
        ({"memory": "less"}, "memory is 'less'"),
        ({"vram": "1"}, "vram"),
    ],
)
def test_refused(changes, sentence):
    with pytest.raises(UsageError) as refused:
        RuntimeParams().changed(**changes)
    assert sentence in str(refused.value)
