"""What the cache folder holds: who makes it, who reads it, and how it is listed and deleted."""
