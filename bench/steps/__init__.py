"""From a recipe to measured cells: `pipeline` is the whole way, each step is one file."""
