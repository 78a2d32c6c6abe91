"""A read-only explorer in the browser: every page is some commands' answers at one point.

Invariant: a figure on a page is a figure of an answer, unchanged; nothing is ever written. This
package must not know a rule, and does no arithmetic on money.
"""
