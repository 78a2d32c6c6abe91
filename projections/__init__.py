"""The read side: folds of recorded events. Nothing here decides anything."""
