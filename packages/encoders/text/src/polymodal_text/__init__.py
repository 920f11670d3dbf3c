"""Text as a modality: tokenizers, a small transformer, and encoders from Hugging Face."""
