"""Workers on this machine."""

import itertools
import os
import subprocess
from concurrent.futures import Future
from pathlib import Path
from queue import PriorityQueue
from threading import Thread

import torch

from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.workers.task import Task, perform


class LocalPool:
    """Processes on this machine, each with one thread and, where there are GPUs, with one GPU.

    Args:
        jobs: how many at a time; as many as GPUs, or else cores, if None.
    """

    def __init__(self, project: Project, jobs: int | None) -> None:
        gpus = _gpus()
        self.root = project.root
        self.waiting: PriorityQueue[tuple[float, int, Task, Future[dict[Path, bytes]]]] = PriorityQueue()
        self.numbers = itertools.count()
        self.running: set[subprocess.Popen[bytes]] = set()
        self.closed = False
        for number in range(jobs or len(gpus) or os.cpu_count() or 1):
            gpu = {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {}
            Thread(target=self._serve, args=(gpu,), daemon=True).start()

    def submit(self, task: Task) -> Future[dict[Path, bytes]]:
        future: Future[dict[Path, bytes]] = Future()
        self.waiting.put((-task.seconds, next(self.numbers), task, future))
        return future

    def close(self) -> None:
        self.closed = True
        for process in list(self.running):
            process.kill()

    def _serve(self, environment: dict[str, str]) -> None:
        while True:
            *_, task, future = self.waiting.get()
            if self.closed:
                return
            try:
                perform(task, self.root, environment, self.running)
                future.set_result({})
            except BaseException as error:
                future.set_exception(error)


def _gpus() -> list[str]:
    """The GPUs of this machine that may be used, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else list(map(str, range(torch.cuda.device_count())))
    return names[: torch.cuda.device_count()]
