"""How the clips of a suite are generated, and what can be refused of it before torch is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mova_core.errors import UsageError
from mova_core.media.image import read_image
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Generation:
    """How clips are generated, as options of `mova generate` say it.

    Args:
        changes: fields of `GenerateSettings` that differ from the model folder's defaults.
        negative_prompt: text of the unconditional forwards.
        loras: path and weight of each LoRA adapter.
        runtime: fields of `RuntimeParams`.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    negative_prompt: str = ""
    loras: Sequence[tuple[Path, float]] = ()
    runtime: Mapping[str, Any] = field(default_factory=dict)

    def request(self, folder: Path) -> Request:
        """A checked request for no clips yet; errors as of `Request.check`."""
        return Request.of_model(folder, self.negative_prompt, self.changes, self.loras, self.runtime)

    def check(self, request: Request, wanted: Sequence[Wanted], out: Path) -> Request:
        """Refuse clips that cannot be asked for, before torch is loaded; errors as of `Request.check`.

        Args:
            request: of the model.
            wanted: all clips.
            out: folder of the clips.

        Returns:
            The request with what is to be told of these clips.
        """
        request.check_wanted(wanted, out, self.changes)
        for clip in wanted:
            if lost := [path for path in clip.given.files.values() if not path.is_file()]:
                raise UsageError(f"clip {clip.name}: {lost[0]} is missing, from which it is made")
        images = {image for clip in wanted for image in (clip.given.image, clip.given.last_image) if image is not None}
        for image in sorted(images):
            read_image(image)  # refused now, not hours later
        warning = request.index.prompts_warning([clip.prompt for clip in wanted])
        return request if warning is None else replace(request, warnings=(*request.warnings, warning))

    def with_whole_paths(self) -> "Generation":
        """The same for a process with another working folder."""
        return replace(self, loras=[(path.resolve(), weight) for path, weight in self.loras])
