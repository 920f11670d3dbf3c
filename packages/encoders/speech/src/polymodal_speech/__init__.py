"""Speech as a modality of polymodal, found through its plug-in registry."""
