"""Recipes with several tasks: run task by task, and one table of all."""
