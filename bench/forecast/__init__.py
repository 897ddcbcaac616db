"""How long a run will take on this machine, and what room it needs, known before it starts."""
