"""From a served clip back to its footage."""
