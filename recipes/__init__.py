"""The recipes that come with distilbench: one YAML file for each experiment."""
