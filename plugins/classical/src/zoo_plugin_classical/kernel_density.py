"""KernelDensity: a density that is a sum over the rows that it was shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.call import Call, NoOptions
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.preprocessing import Dequantize, Logit, Step
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.bandwidth import BandwidthRule, bandwidths, leave_one_out
from zoo_plugin_classical.kept_state import guarded
from zoo_plugin_classical.kernel_rows import KernelRows, drawn_rows, read_rows
from zoo_plugin_classical.kernel_scores import log_kernel_sum
from zoo_plugin_classical.kernels import Kernel

Bandwidth = pydantic.PositiveFloat | tuple[pydantic.PositiveFloat, ...] | BandwidthRule


@final
class KernelDensityConfig(zoo.Config):
    """Fields of a kernel density.

    space: what one sample is; its entries are flattened. rows: how many rows it can hold. kernel:
    what each row spreads. bandwidth: how far, in network space: a number, one a feature, or a
    rule by which `fit` finds one a feature. preprocessing: maps from data to network space.
    """

    space: Space
    rows: pydantic.PositiveInt
    kernel: Kernel = Kernel.GAUSSIAN
    bandwidth: Bandwidth = BandwidthRule.SCOTT
    preprocessing: tuple[Step, ...] = ()

    @pydantic.model_validator(mode="after")
    def _flattens(self) -> Self:
        check_continuous(self.space, self.preprocessing)
        if self.space.missing and self.kernel is not Kernel.GAUSSIAN:
            raise ValueError(
                "only the gaussian kernel, a product over features, integrates missing values out"
            )
        if isinstance(self.bandwidth, tuple) and len(self.bandwidth) != self.space.size:
            raise ValueError(f"bandwidth has a number for each of {self.space.size} features")
        return self


def check_continuous(space: Space, preprocessing: tuple[Step, ...]) -> None:
    """Raise ValueError unless rows become whole real arrays."""
    kinds = [type(step) for step in preprocessing]
    if space.kind not in (Kind.REAL, Kind.UNIT, Kind.ORDINAL, Kind.BINARY):
        raise ValueError(f"a kernel density is no model of {space.kind} data")
    if space.ragged or not space.size:
        raise ValueError("a kernel density needs arrays of one shape")
    if space.kind.discrete and Dequantize not in kinds:
        raise ValueError("a kernel density of codes needs the step `dequantize`")
    if (space.kind is Kind.UNIT and Logit not in kinds) or (
        space.kind is Kind.REAL and Logit in kinds
    ):
        raise ValueError("the step `logit` is for data between 0 and 1, which need it")


@final
class KernelDensity(Generator, DensityModel):
    """p(x) = Σ_j w_j K((x − x_j)/h) / (Σ_j w_j Π_i h_i) of rows x_j with weights w_j.

    Parzen 1962, eq. 1.8; in more dimensions Silverman 1986, eq. 4.1, with kernels of the distance
    in bandwidths. Exact: every row counts. The rows are the model: they are buffers, and a saved
    model has them.
    """

    architecture: ClassVar[str] = "classical/kernel-density"
    Config: ClassVar[type[zoo.Config]] = KernelDensityConfig

    config: KernelDensityConfig
    rows: Tensor
    weight: Tensor
    bandwidth: Tensor

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        inferred = super()._fields_for_data(data, condition, fields)
        return {"rows": len(data), **inferred}

    def _preprocessing(self) -> tuple[Any, ...]:
        return self.config.preprocessing

    def _build(self) -> None:
        """Begin as the kernel around one row, 0."""
        n, d = self.config.rows, self.space.size
        self.register_buffer("rows", torch.zeros(n, d))
        self.register_buffer("weight", torch.zeros(n).index_fill(0, torch.tensor([0]), 1.0))
        given = self.config.bandwidth
        number = torch.tensor(1.0 if isinstance(given, BandwidthRule) else given)
        self.register_buffer("bandwidth", number.expand(d).clone())

    @torch.no_grad()
    def leave_one_out(self) -> Float[Tensor, " n"]:
        """Give the log-density in network space of each row that it holds, by the others; nats.

        Raises DataError where it holds one row only.
        """
        rows, weight = self._held()
        if len(rows) < 2:
            raise DataError("A row is left out of two or more", received="one row")
        return leave_one_out(rows, weight, self.bandwidth, self.config.kernel)

    def _held(self) -> tuple[Tensor, Tensor]:
        """Give the rows that have a weight; the others are room."""
        held = self.weight > 0
        if bool(held.all()):
            return self.rows, self.weight
        return self.rows[held], self.weight[held]

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        points, (rows, weight) = z.reshape(len(z), -1), self._held()
        found = log_kernel_sum(points, rows, weight, self.config.kernel, self.bandwidth)
        return found - weight.sum().log() - self._log_volume(points)

    def _log_volume(self, points: Tensor) -> Tensor:
        """Give the log of the kernel's integral over the entries that a point has."""
        scale = self.bandwidth.log()
        if not self.space.missing:
            return scale.sum() + self.config.kernel.log_integral(points.shape[1])
        return (~points.isnan()).to(scale) @ (scale + self.config.kernel.log_integral(1))

    def _sample(self, n: int, call: Call) -> Tensor:
        which = drawn_rows(self.weight, n, call.rng)
        noise = self.config.kernel.draw(n, self.space.size, call.rng, self.rows)
        return (self.rows[which] + self.bandwidth * noise).reshape(n, *self.space.shape)

    def _fit(self, request: FitRequest) -> FitReport:
        """Take the rows over, and find the bandwidth; `history` is that of a search for it."""
        began = time.perf_counter()
        self._options(NoOptions, request.options)
        with guarded(self.preprocessing):
            self.fit_preprocessing(request.data, request.rng)
            rows = self._read(request)
            bandwidth, history = self._bandwidth_for(rows.values, rows.weight)
        self.bandwidth.copy_(bandwidth)
        self._hold(rows.values, rows.weight)
        best = min(history, key=lambda entry: entry["loss"], default=None)
        seconds = time.perf_counter() - began
        return FitReport(len(history), seconds, StopReason.CONVERGED, history, best)

    def _read(self, request: FitRequest) -> KernelRows:
        """Read the rows that have a weight, in network space; they are whole."""
        rows = read_rows(self, request, self.config.rows, _one_class)
        if self.space.missing and bool(rows.values.isnan().any()):
            raise DataError(
                "The rows of a kernel density are whole; only what it scores may lack values",
                received="a row with a missing value",
                remedy="Leave such rows out or impute them, or fit kernel-density-nb.",
            )
        return rows

    def _bandwidth_for(
        self, rows: Tensor, weight: Tensor
    ) -> tuple[Tensor, tuple[Mapping[str, float], ...]]:
        rule = self.config.bandwidth
        if not isinstance(rule, BandwidthRule):
            return torch.tensor(rule, dtype=torch.float64).expand(self.space.size), ()
        return bandwidths(rule, rows, weight, self.config.kernel)

    def _hold(self, rows: Tensor, weight: Tensor) -> None:
        self.rows.zero_()
        self.weight.zero_()
        self.rows[: len(rows)] = rows
        self.weight[: len(rows)] = weight


def _one_class(batch: zoo.Batch) -> Tensor:
    return torch.zeros(len(batch), dtype=torch.int64)
