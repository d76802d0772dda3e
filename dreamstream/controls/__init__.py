"""Values that change over time and with sound: schedules, their formulas, and what sound tells."""
