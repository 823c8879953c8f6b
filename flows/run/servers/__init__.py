"""Servers that live as long as a run or a project's page does."""
