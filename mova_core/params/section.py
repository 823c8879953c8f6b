"""What every section of `params.yaml` is: closed (an unknown key is refused) and frozen.

A field's default and its description stand in the class alone: `params.yaml` and its comments are written from them
(`mova_core.params.write`).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from mova_core.params.nested import merged


class Section(BaseModel):
    """Base of the params classes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    on_one_line: ClassVar[bool] = False  # how params.yaml shows it

    @model_validator(mode="before")
    @classmethod
    def _a_part_left_out_is_as_by_default(cls, values: Any) -> Any:
        """Where a section is given in part, the rest is the default of this place, not that of the section's class."""
        if not isinstance(values, Mapping):
            return values
        defaults = {name: field.default for name, field in cls.model_fields.items()}
        return {
            name: merged(defaults[name].model_dump(), value)
            if isinstance(value, Mapping) and isinstance(defaults.get(name), Section)
            else value
            for name, value in values.items()
        }
