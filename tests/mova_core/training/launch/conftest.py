"""A trainable project with a params file, so that `mova train` runs in it as a person starts it."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from mova_core.params import Params

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.fixture
def with_params(project, section):
    """Writes params.yaml: section `train` at its smallest, with these changes."""

    def write(**changes: object) -> Path:
        params = Params(train=section(**changes))
        (project.root / "params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
        return project.root

    return write


@pytest.fixture
def mova(project):
    """Runs `mova` in the project."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mova", *arguments],
            cwd=project.root,
            env={**ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
