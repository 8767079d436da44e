"""The classical family: naive Bayes, kernel density, mixtures, hidden Markov models."""
