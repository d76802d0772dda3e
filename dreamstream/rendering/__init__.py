"""One run from a source to a sink: what the command, a page or a script calls."""
