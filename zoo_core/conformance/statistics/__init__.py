"""The statistics of the checks: integrals over a space, sums over codes, and tests of fit."""
