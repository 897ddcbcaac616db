"""Modules that teachers and students are made of."""
