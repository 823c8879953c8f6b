"""Is everything still as it was recorded: bytes, manifests, rows, aliases and the log of promotions."""
