"""KernelDensityNaiveBayes: a kernel density for each feature and class."""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float, Int64
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.call import NoOptions
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.preprocessing import Step
from zoo_core.interfaces.space import Space
from zoo_plugin_classical.bandwidth import BandwidthRule, bandwidths
from zoo_plugin_classical.kept_state import guarded
from zoo_plugin_classical.kernel_density import Bandwidth, check_continuous
from zoo_plugin_classical.kernel_rows import KernelRows, drawn_rows, read_rows
from zoo_plugin_classical.kernel_scores import log_kernel_sum
from zoo_plugin_classical.kernels import Kernel


@final
class KernelDensityNaiveBayesConfig(zoo.Config):
    """Fields of naive Bayes with kernel densities.

    space: what one sample is; its entries are flattened. conditioner: the classes, as core/label
    makes one-hot vectors of them. rows: how many rows it can hold. kernel: what each row spreads.
    bandwidth: how far, in network space: a number, one a feature, or a rule by which `fit` finds
    one a feature and class. preprocessing: maps from data to network space.
    """

    space: Space
    conditioner: Annotated[Part, Provides(Conditioner)]
    rows: pydantic.PositiveInt
    kernel: Kernel = Kernel.GAUSSIAN
    bandwidth: Bandwidth = BandwidthRule.SCOTT
    preprocessing: tuple[Step, ...] = ()

    @pydantic.model_validator(mode="after")
    def _flattens(self) -> Self:
        check_continuous(self.space, self.preprocessing)
        if isinstance(self.bandwidth, tuple) and len(self.bandwidth) != self.space.size:
            raise ValueError(f"bandwidth has a number for each of {self.space.size} features")
        return self


@final
class KernelDensityNaiveBayes(zoo.Generator, JointModel):
    """p(x, y) = p(y) Π_j Σ_i w_i K((x_j − x_ij)/h_yj) / (h_yj Σ_i w_i), over rows i of class y.

    John & Langley 1995, section 2.2. The rows are the model. A missing entry is integrated out,
    for every kernel, and a row that lacks one tells nothing about that feature. A class that
    knows nothing of a feature has the density of all rows there.
    """

    architecture: ClassVar[str] = "classical/kernel-density-nb"
    Config: ClassVar[type[zoo.Config]] = KernelDensityNaiveBayesConfig

    config: KernelDensityNaiveBayesConfig
    rows: Tensor
    label: Tensor
    weight: Tensor
    bandwidth: Tensor

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        inferred = super()._fields_for_data(data, condition, fields)
        return {"rows": len(data), **inferred}

    def _preprocessing(self) -> tuple[Any, ...]:
        return self.config.preprocessing

    def _build(self) -> None:
        """Begin with one row, 0, in each class, as far as there is room."""
        n, d, k = self.config.rows, self.space.size, self.classes
        if n < k:
            raise ConfigError(f"There is room for a row of each of {k} classes", received=f"{n}")
        self.register_buffer("rows", torch.zeros(n, d))
        self.register_buffer("label", torch.arange(n) % k)
        self.register_buffer("weight", (torch.arange(n) < k).to(torch.get_default_dtype()))
        given = self.config.bandwidth
        number = torch.tensor(1.0 if isinstance(given, BandwidthRule) else given)
        self.register_buffer("bandwidth", number.expand(k, d).clone())

    def _class_log_prior(self) -> Tensor:
        sums = self.weight.new_zeros(self.classes).index_add(0, self.label, self.weight)
        return sums.log() - sums.sum().log()

    def _log_prob_each(self, z: Any, call: zoo.Call) -> Tensor:
        del call
        points, rows = z.reshape(len(z), -1), self._held()
        each = [
            sum(self._log_feature(points[:, j], rows, y, j) for j in range(points.shape[1]))
            for y in range(self.classes)
        ]
        return torch.stack([torch.as_tensor(column) for column in each], 1)

    def _log_feature(self, x: Tensor, rows: KernelRows, y: int, j: int) -> Float[Tensor, " n"]:
        """Give log p(x_j | y), 0 where x_j is missing."""
        values, weight = rows.of(y, j)
        h = self.bandwidth[y, j]
        lost = x.isnan()
        points, columns = torch.where(lost, 0.0, x)[:, None], values[:, None]
        found = log_kernel_sum(points, columns, weight, self.config.kernel, h[None])
        log_volume = weight.sum().log() + h.log() + self.config.kernel.log_integral(1)
        return torch.where(lost, 0.0, found - log_volume)

    def _held(self) -> KernelRows:
        there = self.weight > 0
        return KernelRows(self.rows[there], self.weight[there], self.label[there])

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        which, rows = self._classes_of(n, call), self._held()
        x = self.rows.new_empty(n, self.space.size)
        for y in which.unique().tolist():
            mine = (which == y).nonzero()[:, 0]
            for j in range(x.shape[1]):
                values, weight = rows.of(y, j)
                noise = self.config.kernel.draw(len(mine), 1, call.rng, self.rows)[:, 0]
                drawn = values[drawn_rows(weight, len(mine), call.rng)]
                x[mine, j] = drawn + self.bandwidth[y, j] * noise
        return x.reshape(n, *self.space.shape)

    def _fit(self, request: FitRequest) -> FitReport:
        """Take the rows over, and find the bandwidths."""
        began = time.perf_counter()
        self._options(NoOptions, request.options)
        with guarded(self.preprocessing):
            self.fit_preprocessing(request.data, request.rng)
            rows = read_rows(self, request, self.config.rows, self._labels)
            bandwidth = self._bandwidths(rows)
        self.bandwidth.copy_(bandwidth)
        for held, read in ((self.rows, rows.values), (self.weight, rows.weight)):
            held.zero_()
            held[: len(read)] = read
        self.label[: len(rows.label)] = rows.label
        return FitReport(1, time.perf_counter() - began, StopReason.CONVERGED)

    def _labels(self, batch: zoo.Batch) -> Int64[Tensor, " n"]:
        """Give the class of each row; raise DataError where it isn't known."""
        rng = torch.Generator(self.device)
        context = self._context_of(batch.condition, len(batch))
        told = self._possible(zoo.Call(rng, context=context)).expand(len(batch), -1)
        unknown = told.sum(1) != 1
        if batch.weight is not None:
            unknown &= batch.weight.to(self.device) > 0
        if bool(unknown.any()):
            raise DataError(
                "Naive Bayes with kernel densities learns rows whose class is known",
                received=f"a label that isn't, in row {int(unknown.nonzero()[0])}",
                remedy="A row of no class has no kernel of its own. Leave such rows out, or fit "
                "classical/gaussian-nb, which learns them by EM.",
            )
        return told.long().argmax(1)

    def _bandwidths(self, rows: KernelRows) -> Tensor:
        """Give a bandwidth a class and feature; that of all rows where a class has one value."""
        rule, shape = self.config.bandwidth, self.bandwidth.shape
        if not isinstance(rule, BandwidthRule):
            return torch.tensor(rule, dtype=torch.float64).expand(shape)
        found = torch.empty(shape, dtype=torch.float64, device=self.device)
        for j in range(shape[1]):
            for y in range(shape[0]):
                values, weight = rows.of(y, j)
                if len(values.unique()) == 1:
                    values, weight = rows.of(None, j)
                found[y, j] = self._bandwidth(rule, values, weight, j)
        return found

    def _bandwidth(self, rule: BandwidthRule, values: Tensor, weight: Tensor, j: int) -> Tensor:
        if len(values.unique()) == 1:
            raise DataError(
                "A rule for bandwidths needs features that vary",
                received=f"one value only of feature {j}",
                remedy="Leave it out, or give the bandwidth as a number.",
            )
        return bandwidths(rule, values[:, None], weight, self.config.kernel)[0][0]
