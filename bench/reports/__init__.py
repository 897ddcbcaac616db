"""A finished run as tables, pictures and a page."""
