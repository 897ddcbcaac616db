"""From a recipe to a table: the pipeline, the measurements, the rows, and the command line."""
