"""What steers a dream from frame to frame, from outside of it."""
