-- Runs the command: what a launcher loads once the search paths are set. `arg` is the interpreter's.

os.exit(require("leadscore.command").main(arg), true)
