"""A simulated product whose parameters are the ground truth: `llm-analytics simulate`."""

from .command import register
from .parameters import Parameters
from .simulator import Simulation, simulate

__all__ = ["Parameters", "Simulation", "register", "simulate"]
