"""The command `check`: what is wrong with rows in files, before anything is run on them."""
