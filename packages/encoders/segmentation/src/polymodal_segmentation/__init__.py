"""Label maps as a target of polymodal; what it offers is found through its plug-in."""
