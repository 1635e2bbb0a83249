"""Floor 4: the door through which the offline flow is worked off."""
