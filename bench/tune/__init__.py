"""Searching the settings of a student and its objective on validation rows."""
