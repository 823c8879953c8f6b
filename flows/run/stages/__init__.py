"""DVC's stages as tasks: which there are to run, and the child process that runs them."""
