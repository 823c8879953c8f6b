"""What may be removed: nothing that an alias, a deployment or a served clip leads to."""
