"""What the benchmarks share: turns, the machine's limits, tables."""
