"""Attribute vectors as a modality."""
