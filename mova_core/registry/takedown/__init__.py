"""Footage that may not be used any more: recorded, kept out of the data, refused at promotion."""
