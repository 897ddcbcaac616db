"""What runs in the process that measures one model and nothing else: its clock, scenarios, memory and neighbours."""
