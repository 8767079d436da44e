"""What a model is: Generator, DensityModel, Conditioner, and the values that they exchange."""
