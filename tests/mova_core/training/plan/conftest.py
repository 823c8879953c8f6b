import pytest

from mova_core.params import defaults_of, params_from
from mova_core.training.plan.workload import workload_of
from mova_core.training.recipe import PHASES


@pytest.fixture(scope="session")
def workload():
    """A phase's workload by preset and phase."""
    return lambda preset, phase: workload_of(PHASES[phase], params_from(defaults_of(preset)))
