"""A model whose videos are all one grey: its codec's decoder knows nothing but that."""

import shutil
from pathlib import Path

from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.nano_folder import CODEC_COMPONENTS, read_nano_codec, write_nano_parts


def flat_copy(folder: Path, target: Path) -> Path:
    """A nano model folder with such a codec."""
    tensors = read_nano_codec(folder).tensors()
    blind = {name: tensor * 0 for name, tensor in tensors.items() if name.startswith("video") and "divisor" not in name}
    write_nano_parts(target, NanoCodec.from_tensors(tensors | blind))
    shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*CODEC_COMPONENTS))
    return target
