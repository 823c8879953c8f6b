"""Synchformer: by how many seconds audio and video are apart."""
