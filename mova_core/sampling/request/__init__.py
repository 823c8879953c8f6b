"""What `mova generate` is asked for: options, lines of a file, given media, a clip to make again. Checked before torch
is loaded."""
