"""Products with windows as convolutions, for a library that has these as one operation.

Three products are recognised, a convolution and its two gradients:

==========================================  ==================================================
windows times a kernel                      the correlation of the array with the kernel
windows times a cotangent                   the same, with the parts of positions and of places
                                            within a window exchanged: the gradient by the kernel
products that are added where they overlap  the convolution of one with the other: the gradient
                                            by the input
==========================================  ==================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from derive.tensor import construct
from derive.tensor.dims import Dim
from derive.tensor.node import UNIT_AXIS, Contraction, Labels, Primitive, Tensor, View
from derive.tensor.structural import reshape_to
from derive.tensor.windows import Slides

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
"""The letters of the axes that a kernel slides along, by their number."""


def as_convolution(node: Tensor, order: Labels) -> Tensor | None:
    """Give a node as a convolution of what is below it, with its axes in an order, if it is one."""
    found = None
    if isinstance(node, Contraction) and len(node.operands) == 2:
        found = _correlation(node, 0) or _correlation(node, 1)
    elif isinstance(node, Primitive) and node.name in ("overlap_add", "slice"):
        found = _transposed(node)
    if found is None or len(found.axes) not in SPATIAL:
        return None
    return found.written([found.out[k] for k in order])


@dataclass(frozen=True)
class _Axis:
    """How a kernel slides along an axis, whose labels in array, kernel and result are given."""

    slid: int
    within: int
    result: int
    stride: int
    before: sp.Expr
    behind: sp.Expr
    spread: int
    """The step between entries of the array, which has zeros between them."""
    dilation: int


@dataclass(frozen=True)
class _Convolution:
    """An array and a kernel with the labels of their axes, and the labels of the result."""

    array: Tensor
    names: Labels
    kernel: Tensor
    own: Labels
    out: Labels
    sizes: Mapping[int, Dim]
    axes: tuple[_Axis, ...]
    flipped: bool

    def written(self, order: Sequence[int]) -> Tensor | None:
        """Make the operation, with its axes in an order, if every label has a part to play."""
        slid, within, result = (
            {getattr(axis, field) for axis in self.axes} for field in ("slid", "within", "result")
        )
        left, right, out = set(self.names) - slid, set(self.own) - within, set(self.out) - result
        left, right = left - {UNIT_AXIS}, right - {UNIT_AXIS}
        if (left ^ right) - out or left & slid or right & within or _repeats(self.names, self.own):
            return None
        batch, new, channels, groups = (
            tuple(k for k in names if k in part)
            for names, part in (
                (self.names, left - right),
                (self.own, right - left),
                (self.names, (left & right) - out),
                (self.names, left & right & out),
            )
        )
        # The groups are cut from the channels, unless they lie before the examples.
        beside = bool(groups) and bool(channels) and not _follows(self.names, groups, channels)
        letters = SPATIAL[len(self.axes)]
        spatial = {
            field: {c: (getattr(axis, field),) for c, axis in zip(letters, self.axes, strict=True)}
            for field in ("slid", "within", "result")
        }
        lhs, lhs_spec = self._arranged(
            self.array,
            self.names,
            {
                "N": (*groups, *batch) if beside else batch,
                **spatial["slid"],
                "C": channels if beside else (*groups, *channels),
            },
        )
        rhs, rhs_spec = self._arranged(
            self.kernel,
            self.own,
            {**spatial["within"], "I": channels, "O": (*groups, *new)},
        )
        parts = {"N": batch, **spatial["result"], "C": (*groups, *new)}
        spec = _order(parts, order)
        merged = tuple(self._joint(parts[c]) for c in spec)
        count = self._joint(groups)
        attributes = (
            (lhs_spec, rhs_spec, spec),
            tuple(axis.stride for axis in self.axes),
            tuple((axis.before, axis.behind) for axis in self.axes),
            tuple(axis.spread for axis in self.axes),
            tuple(axis.dilation for axis in self.axes),
            self.flipped,
            (sp.S.One, count) if beside else (count, sp.S.One),
        )
        made = construct.primitive("convolution", (lhs, rhs), merged, attributes)
        labels = tuple(k for c in spec for k in parts[c])
        split = reshape_to(made, tuple(self.sizes[k] for k in labels))
        return construct.view(
            split, sp.S.One, labels, self.out, tuple(self.sizes[k] for k in self.out)
        )

    def _joint(self, labels: Labels) -> Dim:
        return sp.expand(sp.Mul(*(self.sizes[k] for k in labels)))

    def _arranged(
        self, tensor: Tensor, names: Labels, parts: Mapping[str, Labels]
    ) -> tuple[Tensor, str]:
        """Merge the labels of each part into one axis, in the order that moves the least."""
        spec = _order(parts, names)
        fresh = max(*self.sizes, *names) + 1
        source = tuple(fresh + k if name == UNIT_AXIS else name for k, name in enumerate(names))
        labels = tuple(k for c in spec for k in parts[c])
        tensor = construct.view(
            tensor, sp.S.One, source, labels, tuple(self.sizes[k] for k in labels)
        )
        return reshape_to(tensor, tuple(self._joint(parts[c]) for c in spec)), spec


def _repeats(*names: Labels) -> bool:
    return any(own.count(k) > 1 for own in names for k in own if k != UNIT_AXIS)


def _follows(names: Labels, first: Labels, second: Labels) -> bool:
    """Tell whether the axes of one part come right before those of another."""
    places = [names.index(k) for k in (*first, *second)]
    return places == list(range(places[0], places[0] + len(places)))


def _order(parts: Mapping[str, Labels], names: Sequence[int]) -> str:
    """Order the parts as the axes are; one of no axes stays where it stands among the parts."""
    given = list(parts)
    filled = sorted(
        (c for c in given if parts[c]), key=lambda c: min(names.index(k) for k in parts[c])
    )
    for place, c in enumerate(given):
        if not parts[c]:
            filled.insert(place, c)
    return "".join(filled)


# ----------------------------------------------------------------------------------- patterns


def _correlation(node: Contraction, position: int) -> _Convolution | None:
    """Read a product of windows with what is summed over either part of their axes."""
    windows, other = node.operands[position], node.operands[1 - position]
    names, own = node.labels[position], node.labels[1 - position]
    if not isinstance(windows, Primitive) or windows.name != "windows":
        return None
    slides = Slides(*windows.attributes)
    (array,) = windows.operands
    rank = array.ndim
    array, before, behind = _unpadded(array, slides.axes)
    sizes = dict(enumerate(node.sizes))
    axes = []
    for k, a in enumerate(slides.axes):
        at, in_window = names[a], names[rank + k]
        stride, dilation = slides.strides[k], slides.dilations[k]
        rest = sp.S.Zero
        if at >= node.ndim:
            # The gradient by the kernel: what the last window does not reach is cut off.
            at, in_window, stride, dilation = in_window, at, dilation, stride
            size = windows.operands[0].shape[a]
            rest = size - slides.reach(k, windows.shape[a], windows.shape[rank + k])
        if at >= node.ndim or in_window < node.ndim or in_window not in own or at in own:
            return None
        slid = len(node.sizes) + k
        sizes[slid] = array.shape[a]
        axes.append(
            _Axis(slid, in_window, at, stride, before[a], sp.expand(behind[a] - rest), 1, dilation)
        )
    slid_names = list(names[:rank])
    for a, axis in zip(slides.axes, axes, strict=True):
        slid_names[a] = axis.slid
    out = tuple(range(node.ndim))
    return _Convolution(array, tuple(slid_names), other, own, out, sizes, tuple(axes), False)


def _unpadded(array: Tensor, axes: Labels) -> tuple[Tensor, dict[int, sp.Expr], dict[int, sp.Expr]]:
    """Take the zeros around an array off it; give how many there were."""
    before, behind = dict.fromkeys(axes, sp.S.Zero), dict.fromkeys(axes, sp.S.Zero)
    while isinstance(array, Primitive) and array.name == "pad":
        axis, start, step = array.attributes
        if axis not in axes or step != 1:
            break
        (inner,) = array.operands
        before[axis] += start
        behind[axis] += array.shape[axis] - start - inner.shape[axis]
        array = inner
    return array, before, behind


def _transposed(node: Primitive) -> _Convolution | None:
    """Read a product of two, neither summed over the axes of windows, that are added up."""
    shape = node.shape
    start: dict[int, sp.Expr] = {}
    whole: Tensor = node
    while isinstance(whole, Primitive) and whole.name == "slice":
        axis, first, _, step = whole.attributes
        if step != 1:
            return None
        start[axis] = start.get(axis, sp.S.Zero) + first
        (whole,) = whole.operands
    if not isinstance(whole, Primitive) or whole.name != "overlap_add":
        return None
    slides = Slides(*whole.attributes)
    (parts,) = whole.operands
    product = parts.operand if isinstance(parts, View) else parts
    if not isinstance(product, Contraction) or len(product.operands) != 2:
        return None
    if set(start) - set(slides.axes):
        return None
    names = tuple(range(parts.ndim))
    if isinstance(parts, View):
        permutes = sorted(parts.source) == sorted(parts.target) == sorted(set(parts.target))
        if not permutes or parts.coefficient is not sp.S.One:
            return None
        place = {k: position for position, k in enumerate(parts.source)}
        names = tuple(place[k] for k in parts.target)
    rank = whole.ndim
    (array, own), (kernel, others) = zip(product.operands, product.labels, strict=True)
    if names[slides.axes[0]] not in own:
        (array, own), (kernel, others) = (kernel, others), (array, own)
    sizes = dict(enumerate(product.sizes))
    axes = []
    result = list(names[:rank])
    for k, a in enumerate(slides.axes):
        at, in_window = names[a], names[rank + k]
        if at not in own or at in others or in_window not in others or in_window in own:
            return None
        width, count = parts.shape[rank + k], parts.shape[a]
        before = slides.dilations[k] * (width - 1) - start.get(a, sp.S.Zero)
        # Entry j of the result is the sum over kernel entries of what lies at j - before.
        behind = shape[a] - 1 - before - slides.strides[k] * (count - 1)
        behind = behind + slides.dilations[k] * (width - 1)
        result[a] = len(product.sizes) + k
        sizes[result[a]] = shape[a]
        pair = sp.expand(before), sp.expand(behind)
        axes.append(
            _Axis(at, in_window, result[a], 1, *pair, slides.strides[k], slides.dilations[k])
        )
    return _Convolution(array, own, kernel, others, tuple(result), sizes, tuple(axes), True)
