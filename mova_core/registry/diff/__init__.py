"""What two checkpoints differ in: `mova registry diff`."""
