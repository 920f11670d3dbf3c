"""A plug-in that cannot be imported."""

raise RuntimeError("the driver of the acme sensor is missing")
