"""What operations need whose gradients are written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def traced() -> bool:
    """Whether plain operations are wanted: under torch.compile, and in torch.func's transforms.

    A compiler fuses the plain ones itself. For torch.func an autograd.Function needs a second
    form, which would cost every call 80 microseconds.
    """
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def needs_plain(grad: Tensor) -> bool:
    """Whether a backward pass is itself to be differentiated, or gets a stack of gradients."""
    stacked = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore[reportAttributeAccessIssue]
    return torch.is_grad_enabled() or stacked(grad)


def differentiable(
    plain: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor], grads: Sequence[Tensor]
) -> list[Tensor | None]:
    """Give the gradients of plain(*inputs) in a form that has gradients itself.

    None for an input that needs no gradient.
    """
    with torch.enable_grad():
        # Views of their own, or what reaches one input through another would be counted twice.
        views = [x.view_as(x) for x in inputs]
        outputs = plain(*views)
        pairs = [(y, grad) for y, grad in zip(outputs, grads, strict=True) if y.requires_grad]
        wanted = [x for x in views if x.requires_grad]
        ys, to_ys = zip(*pairs, strict=True)
        found = iter(torch.autograd.grad(ys, wanted, to_ys, create_graph=True))
    return [next(found) if x.requires_grad else None for x in inputs]
