"""The command line as a program of its own that keeps every epoch; its processes read this file too."""

import training.loop
from bench.commands.command_line import main

training.loop.KEEP_SECONDS = 0

if __name__ == "__main__":
    main()
