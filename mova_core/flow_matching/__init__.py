"""Path, sigma shift and schedules of flow matching."""

from mova_core.flow_matching.experts import BOUNDARY_RATIO, EXPERTS, boundary_index
from mova_core.flow_matching.path import add_noise, euler_step, velocity_target
from mova_core.flow_matching.schedule import PairSchedule
from mova_core.flow_matching.shift import shift_sigma, unshift_sigma

__all__ = [
    "BOUNDARY_RATIO",
    "EXPERTS",
    "PairSchedule",
    "add_noise",
    "boundary_index",
    "euler_step",
    "shift_sigma",
    "unshift_sigma",
    "velocity_target",
]
