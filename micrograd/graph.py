"""The drawings of `micrograd.drawing`, under the name that they have in micrograd's relatives."""

from .drawing import DrawingError, draw_dot, trace, visualize_graph

__all__ = ["DrawingError", "draw_dot", "trace", "visualize_graph"]
