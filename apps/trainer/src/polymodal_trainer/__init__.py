"""Part of polymodal."""
