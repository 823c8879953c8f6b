"""DOVER: how good a video looks, technically and aesthetically."""
