"""The command `report`: runs as one page."""
