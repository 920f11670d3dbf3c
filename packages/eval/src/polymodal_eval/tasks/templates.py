"""Lists of templates for prompts, by name; the first of each is what is usual as the only one."""

from __future__ import annotations

TEMPLATES: dict[str, tuple[str, ...]] = {
    "photos": (
        "a photo of a {}.",
        "a picture of a {}.",
        "a close-up photo of a {}.",
        "a photo of a {} taken outdoors.",
        "a photo of one {}.",
        "a photo of the {}.",
        "a photo with a {} in it.",
        "there is a {} in the picture.",
    ),
    "small_pictures": (
        "a photo of a {}.",
        "a small photo of a {}.",
        "a blurry photo of a {}.",
        "a photo of a small {}.",
        "a photo of a large {}.",
        "a low resolution picture of a {}.",
        "a thumbnail of a {}.",
        "a pixelated picture of the {}.",
        "a close-up of a {}.",
    ),
    "scenes": (
        "a photo of a {}.",
        "a photo taken in a {}.",
        "the inside of a {}.",
        "a view of a {}.",
        "a room that is a {}.",
        "this place is a {}.",
    ),
    "rendered": (
        "a picture of a {}.",
        "a rendering of a {}.",
        "a room with a {}.",
        "there is a {}.",
        "a computer graphic of a {}.",
    ),
    "spoken_digits": (
        "{}",
        "the digit {}.",
        "the number {}.",
        "somebody says {}.",
        "a recording of the word {}.",
    ),
    "written_digits": (
        "{}",
        "a photo of the digit {}.",
        "the handwritten digit {}.",
        "the number {} in somebody's handwriting.",
    ),
    "spoken_words": (
        "{}",
        "the word {}.",
        "somebody says {}.",
        "a recording of {}.",
        "a voice that says the word {}.",
    ),
    "sounds": (
        "the sound of a {}.",
        "a recording of a {}.",
        "this is what a {} sounds like.",
        "{}",
    ),
    "birds": (
        "a photo of a {}, a kind of bird.",
        "a photo of a {}.",
        "a {} on a branch.",
        "a {} in flight.",
        "a close-up of a bird, the {}.",
    ),
    "names": ("{}",),
}
"""Our own lists; {} is where the name of the class goes."""
