"""An alias moves to another checkpoint, and back, with a log that cannot be edited unseen."""
