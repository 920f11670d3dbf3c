"""`polymodal-train study`: every run of a grid, one after the other, resumable run by run."""
