"""`python -m bench` is the command `distilbench`, for launchers that start modules."""

from bench.commands.command_line import main

main()
