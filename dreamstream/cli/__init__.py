"""The command line: arguments, signals, exit codes."""
