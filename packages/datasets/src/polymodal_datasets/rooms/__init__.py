"""The rooms world: rendered rooms with depth, captions, attributes and classes, by seed."""
