"""What a check has found."""

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """What was looked at, and what was found.

    Attributes:
        checked: how much was looked at, in words.
        faults: one sentence for each thing that is wrong.
        notes: what a reader should know although it is no fault.
        skipped: whether nothing could be looked at.
    """

    checked: str
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: bool = False

    def __str__(self) -> str:
        passed = f"{'skipped' if self.skipped else 'passed '}  {self.checked}"
        head = f"FAILED   {self.checked}: {len(self.faults)} faults" if self.faults else passed
        return "\n".join([head, *(f"         {line}" for line in self.faults + self.notes)])
