"""Section of `params.yaml` for what an alias asks of a candidate that has passed its gates."""

from typing import Annotated

from pydantic import Field

from mova_core.params.section import Section


class PromoteParams(Section):
    """What a candidate must hold to take an alias from its champion; beside it stand the size and seed of the bootstrap
    of `evaluate`."""

    improve_by: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="metric -> least gain over the champion, beyond its interval; one is enough, {} asks for none"
    )
    smoke_clip: bool = Field(
        True, description="generate a clip from the stored files first; false where they cannot be loaded to promote"
    )
    smoke_steps: int = Field(4, ge=1, description="denoising steps of that clip")
