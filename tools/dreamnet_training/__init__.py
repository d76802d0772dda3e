"""Parts of the tool that trains dreamnet, the bundled network."""
