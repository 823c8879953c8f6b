"""Loss of the averaged weights on validation clips, as training measured it last."""

from pathlib import Path

from mova_core.evaluation.measure import entry
from mova_core.registry.manifests import Metric
from mova_core.training.curves import CURVES_FILE, read_curves


def validation_loss(run: Path) -> Metric:
    """The last one that the run's curves hold.

    Args:
        run: folder of the training run.
    """
    records = read_curves(run / CURVES_FILE) if (run / CURVES_FILE).is_file() else []
    last = next((record["validation"] for record in reversed(records) if record.get("validation")), None)
    if last is None:
        return entry("validation_loss", unavailable="training measured none: there was no validation clip")
    return entry("validation_loss", float(last["loss"]))
