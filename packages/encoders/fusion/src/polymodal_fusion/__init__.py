"""Fusion of the token sequences of several modalities."""
