"""Drawings of graphs: a Value -> the DAG under it as a picture."""

from .errors import DrawingError
from .nodes import trace
from .values import MAX_NODES, draw_dot, visualize_graph

__all__ = ["MAX_NODES", "DrawingError", "draw_dot", "trace", "visualize_graph"]
