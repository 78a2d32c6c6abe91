"""SQL over the ledger at any point: relations of the answers, and an engine that is closed.

Invariant: a relation's rows are those that the like-named command prints at the same point. This
package must not know a rule, and does no arithmetic on money.
"""
