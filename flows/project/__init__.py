"""A project of one's own: the files that it starts with, and where DVC keeps copies of its data and models."""
