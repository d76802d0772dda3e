"""A network's graph as a function from a float32 picture to float32 activations."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from dreamstream.models.device import Engine
from dreamstream.models.folding import fold
from dreamstream.models.graph import Graph
from dreamstream.models.operations import Tensor

Program = Callable[[Tensor], Sequence[Tensor]]

_PICTURE = tf.TensorSpec([1, None, None, 3], tf.float32)
_TINY = 1e-30


def make_program(graph: Graph, engine: Engine) -> Program:
    """Make the function that a graph is, only faster.

    Args:
        graph: Of a network.
        engine: How to compute; XLA compiles for each size of picture.

    Returns:
        From a (1, H, W, 3) float32 picture to a list of float32 activations, as the graph's
        outputs; its gradient is float32 too.
    """
    dtype = tf.dtypes.as_dtype(engine.precision)
    run = fold(graph).build(dtype)
    program = _scaled(run) if dtype == tf.float16 else run

    # autograph would read all of it at every tracing, and finds nothing to convert
    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def activations(picture: Tensor) -> list[Tensor]:
        return [tf.cast(output, tf.float32) for output in program(picture)]

    made: Program = activations
    if engine.compiled:
        made = tf.function(
            activations, input_signature=[_PICTURE], autograph=False, jit_compile=True
        )
    return made


def _scaled(run: Program) -> Program:
    """Keep a gradient within what float16 can hold on its way back.

    A mean's gradient by one of a million activations is beneath its least number.  On the way it
    is as much larger as brings the largest of them to 1.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def scaled(picture: Tensor) -> tuple[list[Tensor], Callable[..., Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            outputs = run(picture)
            wide = [tf.cast(output, tf.float32) for output in outputs]

        def gradient(*upstream: Tensor) -> Tensor:
            peaks = [tf.reduce_max(tf.abs(each)) for each in upstream]
            scale = 1 / tf.maximum(tf.reduce_max(tf.stack(peaks)), _TINY)
            back = tape.gradient(wide, picture, [each * scale for each in upstream])
            return back / scale

        return wide, gradient

    made: Program = scaled
    return made
