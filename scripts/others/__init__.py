"""Densities of other libraries, as they come from the package index, for the conformance kit."""
