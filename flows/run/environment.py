"""Environment of every flow and of the stages it starts: nobody phones home, nobody asks a model hub.

Prefect's own settings are in `prefect.toml`; these are for what its children import. Set before anything heavy is
imported (`flows/__init__.py` does); a value that a person has set stays.
"""

import os

QUIET = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def be_quiet() -> None:
    """Switch off every dependency's telemetry for this process and its children."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
