"""SQL over the ledger: the same rows as the commands, closed to everything else."""
