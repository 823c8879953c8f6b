"""When things run, and side effects. Importing any flow first switches every dependency's telemetry off."""

from flows.settings import be_quiet

be_quiet()
