"""The conformance kit fails for every rule that a plug-in breaks."""
