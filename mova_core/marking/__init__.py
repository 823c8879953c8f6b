"""Marking: says in a clip, signed, that a model made it, and reads that back from any file."""
