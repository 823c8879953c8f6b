"""What the processes of a service are told through their environment: where the project is, and `ServeParams`.

BentoML starts them by itself and hands nothing else down. Without the variables a service takes the present folder
and the defaults, so `bentoml serve` alone works too.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.params.model import ServeParams
from mova_core.params.runtime import ON_ANY_DEVICE, RuntimeParams
from mova_core.params.section import Section
from mova_core.places import BENTOML_HOME, COMPILED
from mova_core.registry.database.connection import DATABASE_VARIABLE, database_url

ROOT_VARIABLE = "MOVA_ROOT"
PARAMS_VARIABLE = "MOVA_SERVE_PARAMS"
RUNTIME_VARIABLE = "MOVA_SERVE_RUNTIME"
AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Where a service works and how.

    Args:
        root: the project's folder.
        params: the section `serve`.
        runtime: what the model computes on.
    """

    root: Path
    params: ServeParams
    runtime: RuntimeParams = ON_ANY_DEVICE

    @classmethod
    def from_environment(cls) -> "ServiceSettings":
        """The settings of this process.

        Raises:
            UsageError: a variable that says nothing usable.
        """
        root = Path(os.environ.get(ROOT_VARIABLE) or ".").resolve()
        return cls(root, _section(ServeParams, PARAMS_VARIABLE), _section(RuntimeParams, RUNTIME_VARIABLE))

    def environment(self) -> dict[str, str]:
        """The environment of a service's processes: this one's, these settings, and telemetry off."""
        return {
            # Threads that spin while they wait made a nano clip four times slower on busy cores; bytes are the same.
            "OMP_WAIT_POLICY": "passive",
            **os.environ,
            ROOT_VARIABLE: str(self.root),
            PARAMS_VARIABLE: self.params.model_dump_json(),
            RUNTIME_VARIABLE: self.runtime.model_dump_json(),
            DATABASE_VARIABLE: self.database_url,
            "BENTOML_HOME": str(self.root / BENTOML_HOME),
            "BENTOML_DO_NOT_TRACK": "true",
            # Beside its source, compiled code would be files of a kept package that no manifest lists.
            "PYTHONPYCACHEPREFIX": str(self.root / COMPILED),
        }

    @property
    def database_url(self) -> str:
        """Where the registry is, whatever folder a process runs in; may hold a password."""
        url = database_url()
        if url.get_backend_name() == "sqlite":
            url = url.set(database=str(self.root / str(url.database)))
        return url.render_as_string(hide_password=False)

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://{self.params.host}:{self.params.port}"


def _section(section: type[AnySection], variable: str) -> AnySection:
    try:
        return section.model_validate_json(os.environ.get(variable) or "{}")
    except ValidationError as error:
        raise UsageError(f"${variable}: {first_fault(error)}") from None
