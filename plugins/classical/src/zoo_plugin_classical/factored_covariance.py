"""Covariance matrices by their Cholesky factors: normal distributions whose entries correlate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from zoo_core.errors import DataError
from zoo_plugin_classical.covariance_structure import CovariancePrior, CovarianceStructure
from zoo_plugin_classical.missing_patterns import PatternBlock, pattern_blocks
from zoo_plugin_classical.weighted_moments import weighted_variances

_CHUNK = 2**16
"""Numbers that are worked on at once: what fits into a processor's cache."""
_BLOCK = 2**20
"""Numbers in the matrices of a block of patterns."""


@final
class FactoredCovariance(CovarianceStructure):
    """C_k = L_k L_kᵀ, L_k the lower triangle of `factor`; one for all where `tied`.

    Matrices are inverted, and sums taken, in float64.
    """

    def __init__(
        self, k: int, size: int, floor: float, prior: CovariancePrior, *, tied: bool
    ) -> None:
        super().__init__()
        self.size, self.floor, self.prior, self.tied = size, floor, prior, tied
        count = 1 if tied else k
        below = 0.1 * torch.randn(count, size, size).tril(-1)
        scale = (0.2 * torch.randn(count, size)).exp()
        self.factor = nn.Parameter(below + scale.diag_embed())

    def log_prob_each(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k"]:
        """Give log N(z; mean_k, C_k); rows that lack entries by what they know."""
        whole = ~z.isnan().any(1)
        if bool(whole.all()):
            return self._log_prob(z, mean)
        rows = [whole.nonzero()[:, 0]]
        scores = [self._log_prob(z[rows[0]], mean)]
        for block in self._blocks(z, mean, (~whole).nonzero()[:, 0]):
            rows.append(block.rows[block.real])
            scores.append(self._block_log_prob(z, mean, block).mT[block.real])
        return torch.cat(scores)[torch.cat(rows).argsort()]

    def _log_prob(self, z: Tensor, mean: Tensor) -> Tensor:
        """Whiten rows by matrix products, around an origin amid the means."""
        factor = self.factor.double().tril()
        eye = torch.eye(self.size, dtype=torch.float64, device=z.device)
        inverse = torch.linalg.solve_triangular(factor, eye, upper=False)
        origin = mean.mean(0)
        offset = (inverse @ (mean - origin).double()[:, :, None])[..., 0].to(z.dtype)
        across = inverse.flatten(0, 1).T.to(z.dtype)
        log_det = _log_det(factor).to(z.dtype) + 0.5 * self.size * math.log(2 * math.pi)
        parts = z.split(max(1, _CHUNK // mean.numel()))
        shape = (-1, len(factor), self.size)
        white = (((part - origin) @ across).reshape(shape) - offset for part in parts)
        return torch.cat([-0.5 * w.square().sum(2) - log_det for w in white])

    def _block_log_prob(self, z: Tensor, mean: Tensor, block: PatternBlock) -> Tensor:
        """Score the rows of a block, `[P, K, m]`, m rows of each of P patterns."""
        factor = _masked_factor(self._covariance(), block.known, self.floor)
        away = _around(z, mean, block)
        white = torch.linalg.solve_triangular(factor, away.mT, upper=False)
        constant = 0.5 * math.log(2 * math.pi) * block.known.sum(1)[:, None, None]
        scores = -0.5 * white.square().sum(2) - _log_det(factor)[..., None] - constant
        return scores.to(z.dtype)

    def complete(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"]
    ) -> Float[Tensor, "n k d"]:
        """Put E[x_u | x_o] = mean_u + C_uo C_oo⁻¹ (x_o − mean_o) into missing entries."""
        completed = z[:, None].expand(-1, len(mean), -1).clone()
        for block in self._blocks(z, mean, z.isnan().any(1).nonzero()[:, 0]):
            gain, _ = _conditional(self._covariance(), block.known, self.floor)
            filled = (_around(z, mean, block) @ gain).to(z.dtype) + mean[:, None]
            filled = torch.where(block.known[:, None, None], z[block.rows][:, None], filled)
            completed[block.rows[block.real]] = filled.transpose(1, 2)[block.real]
        return completed

    def noise(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Float[Tensor, "n d"]:
        """Draw L_k ε."""
        factor = self.factor.tril()
        shape = (len(which), self.size)
        noise = torch.randn(shape, generator=rng, device=factor.device, dtype=factor.dtype)
        if self.tied:
            return noise @ factor[0].T
        for k in which.unique().tolist():
            rows = which == k
            noise[rows] = noise[rows] @ factor[k].T
        return noise

    def statistics(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> Mapping[str, Tensor]:
        """Give the weight, and the sums of rows and of their products around the means.

        A missing entry counts by its mean and covariance given the known ones (Ghahramani &
        Jordan 1994, section 3).
        """
        whole = ~z.isnan().any(1)
        first = torch.zeros(mean.shape, dtype=torch.float64, device=z.device)
        second = first.new_zeros(*mean.shape, self.size)
        rows = max(1, _CHUNK // mean.numel())
        for part, share in zip(z[whole].split(rows), weight[whole].split(rows), strict=True):
            _add_products(first, second, part.double() - mean.double()[:, None], share.double().T)
        for block in self._blocks(z, mean, (~whole).nonzero()[:, 0]):
            self._add_block(first, second, z, mean, weight, block)
        return {"rows": weight.double().sum(0), "first": first, "second": second}

    def _add_block(
        self,
        first: Tensor,
        second: Tensor,
        z: Tensor,
        mean: Tensor,
        weight: Tensor,
        block: PatternBlock,
    ) -> None:
        gain, left = _conditional(self._covariance(), block.known, self.floor)
        away = _around(z, mean, block)
        away = torch.where(block.known[:, None, None], away, away @ gain)
        share = (weight.double()[block.rows] * block.real[..., None]).mT
        _add_products(first, second, away.transpose(0, 1).flatten(1, 2), share.mT.flatten(0, 1).T)
        second += torch.einsum("pk,pkij->kij", share.sum(2), left.expand(-1, len(mean), -1, -1))

    def update(self, stats: Mapping[str, Tensor], mean: Float[Tensor, "k d"]) -> None:
        """Set means and covariances from the sums; no eigenvalue is below the floor."""
        count, first, second = stats["rows"], stats["first"], stats["second"]
        step = first / count.where(count > 0, 1.0)[:, None]
        mean += step
        self._set(second - first[:, :, None] * step[:, None], count, self.prior)

    def start(
        self, z: Float[Tensor, "n d"], mean: Float[Tensor, "k d"], weight: Float[Tensor, "n k"]
    ) -> None:
        """Set covariances around the means; a missing entry counts by its variance alone."""
        variance, known = weighted_variances(z, mean, weight), ~z.isnan()
        first = torch.zeros(mean.shape, dtype=torch.float64, device=z.device)
        second = (weight.T @ (~known).double() * variance).diag_embed()
        rows = max(1, _CHUNK // mean.numel())
        for part, share in zip(z.split(rows), weight.split(rows), strict=True):
            away = (part.double() - mean.double()[:, None]).nan_to_num()
            _add_products(first, second, away, share.double().T)
        self._set(second, weight.sum(0))

    def matrices(self) -> Float[Tensor, "k d d"]:
        """Give L Lᵀ."""
        return self._covariance().to(self.factor.dtype)

    def set_matrices(self, covariances: Float[Tensor, "k d d"]) -> None:
        """Take the matrices, or their mean."""
        self._set(covariances, torch.ones_like(covariances[:, 0, 0]))

    def _covariance(self) -> Tensor:
        factor = self.factor.double().tril()
        return factor @ factor.mT

    def _blocks(self, z: Tensor, mean: Tensor, rows: Tensor) -> list[PatternBlock]:
        largest = max(1, _BLOCK // (len(mean) * self.size * self.size))
        known = ~z[rows].isnan()
        return [
            PatternBlock(block.known, rows[block.rows], block.real)
            for block in pattern_blocks(known, largest)
        ]

    def log_prior(self) -> Float[Tensor, ""]:
        """Give −rows/2 · Σ_k (log |C_k| + v tr C_k⁻¹)."""
        factor = self.factor.double().tril()
        if not self.prior.rows:
            return factor.new_zeros(())
        eye = torch.eye(self.size, dtype=torch.float64, device=factor.device)
        inverse = torch.linalg.solve_triangular(factor, eye, upper=False)
        misfit = 2 * _log_det(factor) + self.prior.variance * inverse.square().sum((1, 2))
        return -0.5 * self.prior.rows * misfit.sum()

    def _set(self, scatter: Tensor, count: Tensor, prior: CovariancePrior | None = None) -> None:
        """Set covariances to scatter/count with the floor; those without rows stay."""
        if self.tied:
            scatter, count = scatter.sum(0, keepdim=True), count.sum(0, keepdim=True)
        if prior is not None and prior.rows:
            eye = torch.eye(self.size, dtype=scatter.dtype, device=scatter.device)
            scatter, count = scatter + prior.rows * prior.variance * eye, count + prior.rows
        there = (count > 0)[:, None, None]
        covariance = scatter / count.where(count > 0, 1.0)[:, None, None]
        self.factor.copy_(torch.where(there, floored_factor(covariance, self.floor), self.factor))


def floored_factor(covariance: Float[Tensor, "k d d"], floor: float) -> Float[Tensor, "k d d"]:
    """Give the Cholesky factors of symmetric matrices whose eigenvalues are raised to a floor.

    Among covariances whose eigenvalues are at least the floor, that is where the likelihood of a
    normal distribution has its maximum (Won et al. 2013, section 2.3, with no upper bound).
    """
    if not bool(covariance.isfinite().all()):
        raise DataError(
            "The data have a finite likelihood under the model",
            received="covariances that overflow",
            remedy="Scale the columns.",
        )
    eye = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    _, fault = torch.linalg.cholesky_ex(covariance - floor * eye)
    if not bool(fault.any()):
        return torch.linalg.cholesky(covariance)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp_min(floor).sqrt()[..., None, :]
    # Of the root's transpose, so that the square root's digits are never squared away.
    upper = torch.linalg.qr(root.mT).R
    return (upper * upper.diagonal(dim1=-2, dim2=-1).sign()[..., None]).mT


def _log_det(factor: Float[Tensor, "*k d d"]) -> Float[Tensor, "*k"]:
    return factor.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)


def _around(z: Tensor, mean: Tensor, block: PatternBlock) -> Float[Tensor, "p k m d"]:
    """Give a block's rows around each mean, 0 where unknown."""
    away = z[block.rows].double()[:, None] - mean.double()[:, None]
    return torch.where(block.known[:, None, None], away, 0.0)


def _masked_factor(
    covariance: Float[Tensor, "k d d"], known: Bool[Tensor, "p d"], floor: float
) -> Float[Tensor, "p k d d"]:
    """Factor the known block of each matrix for each pattern, with an identity for the rest.

    Its eigenvalues are no smaller than the matrix's; where rounding hides it they are raised.
    """
    both = (known[:, :, None] & known[:, None, :])[:, None]
    eye = torch.eye(known.shape[1], dtype=covariance.dtype, device=covariance.device)
    blocks = torch.where(both, covariance, eye)
    factor, fault = torch.linalg.cholesky_ex(blocks)
    return floored_factor(blocks, min(floor, 1.0)) if bool(fault.any()) else factor


def _conditional(
    covariance: Float[Tensor, "k d d"], known: Bool[Tensor, "p d"], floor: float
) -> tuple[Float[Tensor, "p k d d"], Float[Tensor, "p k d d"]]:
    """Give C_oo⁻¹ C_o· by which known entries tell of the rest, and the covariance that is left."""
    factor = _masked_factor(covariance, known, floor)
    seen = torch.where(known[:, None, :, None], covariance, 0.0)
    gain = torch.cholesky_solve(seen, factor)
    hidden = ~known[:, None, :, None] & ~known[:, None, None, :]
    return gain, torch.where(hidden, covariance - seen.mT @ gain, 0.0)


def _add_products(
    first: Tensor, second: Tensor, away: Float[Tensor, "k m d"], share: Float[Tensor, "k m"]
) -> None:
    """Add Σ share · away and Σ share · away awayᵀ."""
    weighted = away * share[..., None]
    first += weighted.sum(1)
    second += weighted.mT @ away
