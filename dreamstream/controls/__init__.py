"""What steers a dream from outside: masks, and values that change over time and with sound."""
