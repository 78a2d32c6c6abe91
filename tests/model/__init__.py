"""A plain, slow model of the rulebook, written without the product: the judge it is compared with."""
