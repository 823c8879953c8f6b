"""A histogram for each measure that some clip has; a measure that no clip has is told with its reason."""

import pytest

from mova_core.curation.tables import MEASURE_NAMES
from mova_core.params import Params
from mova_core.reporting.charts.histogram import measure_histograms


@pytest.mark.parametrize("values", [[1.5], [1.5, 1.5], [0.5, 2.0]])
def test_one_clip_is_enough_for_a_measure_without_a_limit(values):
    rows = [dict.fromkeys(MEASURE_NAMES) | {"flow_speed": value, "rejections": {}} for value in values]
    (histogram,), unavailable = measure_histograms(Params(), rows)
    assert histogram.measure == "flow_speed"
    assert "flow_speed" not in {name for names in unavailable.values() for name in names}
