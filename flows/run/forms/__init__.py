"""The form a run is started with, and how a choice made there gets into params.yaml."""
