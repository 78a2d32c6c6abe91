"""Notices: what a customer is told, which follows from the events alone (R67).

Invariant: the same log gives the same notices with the same ids; nothing in here sends. This
package must not know channels.
"""
