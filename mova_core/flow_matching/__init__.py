"""Path, sigma shift and schedules of flow matching."""

from mova_core.flow_matching.path import add_noise, move, velocity_target
from mova_core.flow_matching.schedule import PairSchedule, boundary_index
from mova_core.flow_matching.shift import shift_sigma, unshift_sigma

__all__ = [
    "PairSchedule",
    "add_noise",
    "boundary_index",
    "move",
    "shift_sigma",
    "unshift_sigma",
    "velocity_target",
]
