"""What measures how a dream moves with its source: clips whose flow is known exactly."""
