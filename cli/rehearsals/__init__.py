"""Rehearsed histories put into words: recheck, what-if, forecast, flip and why-not."""
