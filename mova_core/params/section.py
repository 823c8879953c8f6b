"""What every section of `params.yaml` is: closed (an unknown key is refused) and frozen."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of the params classes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
