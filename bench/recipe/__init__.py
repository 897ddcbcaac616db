"""The recipe: what a run trains, exports and measures, and how it is read."""
