"""When things run, and side effects. Importing any flow first switches every dependency's telemetry off."""

from flows.run.environment import be_quiet

be_quiet()
