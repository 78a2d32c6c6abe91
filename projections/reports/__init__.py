"""Figures of reports that are drawn: pure answers, before anybody writes or paints them.

Invariant: minor units and UTC microseconds; every figure is a fold's. This package must not know
HTML, JSON or the command line.
"""
