"""The version of this project, as pyproject.toml and the clips that it makes state it."""

__version__ = "0.1.0"
