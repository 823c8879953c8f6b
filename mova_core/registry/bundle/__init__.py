"""A checkpoint with all that is known of it as one signed file, for another installation."""
