"""One daemon thread a run: no pool to fill up, so a slow source delays no other, and none that a stop must wait for."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job


class DaemonThreads(BaseExecutor):  # type: ignore[misc]
    """An executor for APScheduler. `join` waits for what runs, for a limited time."""

    def __init__(self) -> None:
        super().__init__()
        self._running: set[threading.Thread] = set()
        self._guard = threading.Lock()

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        thread = threading.Thread(target=self._run, args=(job, run_times), name=f"job {job.id}", daemon=True)
        with self._guard:
            self._running.add(thread)
        thread.start()

    def _run(self, job: Any, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
            self._run_job_success(job.id, events)
        finally:
            with self._guard:
                self._running.discard(threading.current_thread())

    def join(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._guard:
            running = list(self._running)
        for thread in running:
            thread.join(max(0.0, until - time.monotonic()))
