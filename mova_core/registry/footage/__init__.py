"""Which footage is in which version of the data: read from the tables of curation, kept in the registry."""
