"""Guidance branches of a step divided over two processes."""
