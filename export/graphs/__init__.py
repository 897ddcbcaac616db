"""What is done to a model's graph or file on the way to a format."""
