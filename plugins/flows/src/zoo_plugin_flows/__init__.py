"""Normalizing flows for the model zoo: RealNVP and neural spline flows."""
