"""Rules that several tables share."""
