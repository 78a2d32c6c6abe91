"""Kills, full disks and flipped bits: answers stay as they were, or an error says what is wrong."""
