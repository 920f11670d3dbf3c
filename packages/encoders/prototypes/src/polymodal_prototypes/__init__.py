"""Class prototypes as a modality."""
