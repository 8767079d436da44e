"""The fields that models made of normal distributions share."""

from __future__ import annotations

from typing import Self

import pydantic

from zoo_core.config import Config
from zoo_core.interfaces.preprocessing import Standardize, Step
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.covariance_structure import CovariancePrior


class GaussianConfig(Config):
    """Fields of a normal distribution, or of several.

    space: what one sample is, real; its entries are flattened. covariance: the form of covariance
    matrices. covariance_floor: the least variance along any direction, in network space: in the
    data's unit squared, or in variances of the data where they are standardised. preprocessing:
    nothing, or the step `standardize`.
    """

    space: Space
    covariance: Covariance = Covariance.FULL
    covariance_floor: pydantic.PositiveFloat = 1e-6
    preprocessing: tuple[Step, ...] = ()

    @pydantic.model_validator(mode="after")
    def _on_the_line(self) -> Self:
        if self.space.kind is not Kind.REAL or self.space.ragged or not self.space.size:
            raise ValueError("a normal distribution is one of real arrays of one shape")
        if not all(isinstance(step, Standardize) for step in self.preprocessing):
            raise ValueError("the preprocessing of a normal distribution is `standardize` or none")
        return self


class MostProbableGaussianConfig(GaussianConfig):
    """Fields of normal distributions whose covariances may have a prior.

    prior_rows, prior_variance: each covariance is estimated as if it had been seen in so many more
    rows, of that variance in every direction, in network space; with 0 rows, the default, it is
    the most likely one.
    """

    prior_rows: pydantic.NonNegativeFloat = 0.0
    prior_variance: pydantic.PositiveFloat = 1.0

    @property
    def prior(self) -> CovariancePrior:
        """The prior of covariances."""
        return CovariancePrior(self.prior_rows, self.prior_variance)
