"""What data must be before anything may use it: one contract a table, checked by Great Expectations.

Only this package imports Great Expectations, and nothing here is imported before its analytics are off. That import
costs seconds, so `command.py` (which `mova --help` loads) keeps it inside its function.
"""

import os

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # versions that send usage data read it when they are imported
