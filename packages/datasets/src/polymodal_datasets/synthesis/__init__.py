"""Speech out of text, by espeak-ng (extra `speech`): several voices, speeds and pitches."""
