"""Clips that collapsed: found, and generated again with other seeds."""
