"""Models and rows from outside a run: opened, exported, measured in turns."""
