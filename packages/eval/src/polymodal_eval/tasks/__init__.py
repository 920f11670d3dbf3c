"""The evaluation tasks that ship with polymodal."""
