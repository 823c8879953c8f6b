"""SyncNet: how well lips and speech go together."""
