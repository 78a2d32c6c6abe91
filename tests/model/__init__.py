"""A plain, slow model of the rulebook, written without the product, which is compared with it."""
