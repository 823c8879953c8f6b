"""Golden cases: tensors of the public system on tiny models, with the tolerance each must be reproduced within."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mova_core.model.towers.audio_tower import AudioTower
from mova_core.model.towers.bridge import Bridge
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.towers.video_tower import VideoTower


@dataclass(frozen=True)
class Case:
    """One golden case: its tensors, config and tolerance."""

    folder: Path
    name: str

    @cached_property
    def entry(self) -> dict[str, Any]:
        index = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
        return index["cases"][self.name]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return load_file(self.folder / self.entry["file"])

    @cached_property
    def config(self) -> dict[str, Any]:
        return json.loads((self.folder / self.entry["config"]).read_text(encoding="utf-8"))

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[key]

    def state(self, prefix: str = "state.") -> dict[str, Tensor]:
        """The state dict under a prefix, prefix taken off; of the case that `state_from` names, if this has none."""
        found = {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}
        source = self.entry.get("state_from")
        return found if found or source is None else Case(self.folder, source).state(prefix)

    def names(self, pattern: str) -> list[str]:
        """What the one group of a pattern matches in the keys of this case's tensors, each once, in order."""
        found = (re.fullmatch(pattern, key) for key in sorted(self.tensors))
        return list(dict.fromkeys(match[1] for match in found if match))

    def check(self, key: str, ours: Tensor) -> None:
        """Compare with a golden tensor by the case's own metric."""
        golden = self.tensors[key]
        assert ours.shape == golden.shape, key
        if not golden.is_floating_point():
            assert torch.equal(ours, golden), key
            return
        tolerance = self.entry["tolerance"]
        difference, reference = (ours.double() - golden.double()), golden.double()
        if "rel_max" in tolerance:
            error, limit = difference.abs().max() / reference.abs().max().clamp_min(1e-12), tolerance["rel_max"]
        else:
            error, limit = difference.norm() / reference.norm(), tolerance["rel_rms"]
        assert error <= limit, f"{self.name} {key}: {error:.3g} > {limit:g}"

    @staticmethod
    def build(component: type, config: Mapping[str, Any], state: dict[str, Tensor]) -> Any:
        """A component with this config and exactly these weights."""
        model = component(**{key: value for key, value in config.items() if key != "class_name"})
        model.load_state_dict(state)
        return model.eval()


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest):
    """Function from a case's name to the case; skips where the folder is absent."""
    folder = request.config.getoption("--golden")
    if not (folder / "index.json").exists():
        pytest.skip(f"no golden tensors at {folder.name}/ (give their folder with --golden)")
    cases = json.loads((folder / "index.json").read_text(encoding="utf-8"))["cases"]

    def case(name: str) -> Case:
        if name not in cases:
            pytest.skip(f"the golden tensors at {folder.name}/ have no case {name}")
        return Case(folder, name)

    return case


@pytest.fixture(scope="session")
def dual_tower(golden) -> DualTower:
    """Both towers and the Bridge with the weights of case `dual_step`; both experts are the same."""
    case = golden("dual_step")
    video = [case.build(VideoTower, case.config["video_dit"], case.state("state.video_dit.")) for _ in range(2)]
    audio = case.build(AudioTower, case.config["audio_dit"], case.state("state.audio_dit."))
    bridge = case.build(Bridge, case.config["dual_tower_bridge"], case.state("state.dual_tower_bridge."))
    return DualTower(*video, audio, bridge)
