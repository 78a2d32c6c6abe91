"""Reports as pages: one file each, that needs no network and no other file.

Invariant: the same figures give the same bytes; what users wrote is escaped; without scripts a page
still shows its figures. This package must not know how figures are found.
"""
