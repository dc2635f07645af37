"""Pure functions from the city's frames to KPI frames and the frames behind charts. No I/O, no clock."""

from coc.metrics.city import WINDOWS, City, WindowName
from coc.metrics.registry import KpiSpec, compute, kpi, registered

__all__ = ["WINDOWS", "City", "KpiSpec", "WindowName", "compute", "kpi", "registered"]
