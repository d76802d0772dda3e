"""From frame to frame: optical flow, cuts, and the residual warped along the flow."""
