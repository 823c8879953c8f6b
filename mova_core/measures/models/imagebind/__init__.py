"""ImageBind: one embedding space for video and audio."""
