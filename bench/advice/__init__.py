"""What a finished run comes to, in a few sentences."""
