"""Models of the zoo as scikit-learn estimators."""
