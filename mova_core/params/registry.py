"""Section `registry` of `params.yaml`: where the bytes of what was promoted are kept."""

from typing import Literal

from pydantic import Field, field_validator

from mova_core.params.section import Section

Encryption = Literal["none", "sse-s3"]


class RegistryParams(Section):
    """The artifact store (`mova_core.storage.artifact_store`); the registry's database is MOVA_DATABASE_URL's."""

    store: str | None = Field(
        None,
        min_length=1,
        description="of promoted models and packages: a folder, or s3://BUCKET/PREFIX; null = .mova/artifacts",
    )
    encryption: Encryption = Field(
        "none", description="of a bucket: sse-s3 has the server encrypt each object with a key that it keeps"
    )
    keep_last: int = Field(
        5,
        ge=1,
        description="checkpoints that gc leaves of those that an alias named last, and of those of a phase kept last",
    )
    intended_use: str | None = Field(
        None, min_length=1, description="what the models are for, in the words of their owner, for their model cards"
    )

    @field_validator("store")
    @classmethod
    def _a_folder_or_a_bucket(cls, value: str | None) -> str | None:
        scheme, separator, _ = (value or "").partition("://")
        if separator and scheme != "s3":
            raise ValueError("expected a folder or s3://BUCKET/PREFIX")
        return value
